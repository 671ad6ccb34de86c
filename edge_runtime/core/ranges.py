"""Checks that many settings share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OneOf:
    """Marks a text setting that is one of `names`: `Annotated[str, OneOf(("a", "b"))]`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrWord:
    """Marks a path setting that may be a word instead: `Annotated[Path, OrWord("learn")]`."""

    word: str
    """Stays as it is, and is no path relative to the configuration."""


def check_within(settings: object, low: float, high: float, *names: str) -> None:
    """Raise ValueError for the first of the named fields that is not within `low` and `high`."""
    for name in names:
        value = getattr(settings, name)
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}, must be within {low} and {high}")
