"""What a fit knows of its data, and how it reports progress."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

Progress = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and a few words on the current step."""
READING: Final = 0.3
"""Share of a command's time that reading a list takes, by which its progress goes on. A judgement."""


def part_of(progress: Progress, start: float, share: float) -> Progress:
    """Return what a step that takes `share` of the whole, from `start` on, tells its own progress."""
    return lambda done, what: progress(start + share * done, what)


def without(progress: Progress, start: float, share: float, name: str) -> Progress:
    """Return what a fit without `name` tells its progress; it takes `share` of the whole, from `start` on."""
    return lambda done, what: progress(start + share * done, f"without {name}: {what}")


def quiet(_share: float, _what: str) -> None:
    """Discard a progress report."""


@dataclass(frozen=True, slots=True)
class FitContext:
    """What a detector may know besides the windows."""

    rate_hz: float
    channels: tuple[str, ...]
    unit: str
    lowpass_hz: float | None = None
    """Bandwidth the windows are limited to, Hz; features above it would describe the filter."""
    reference: float = 0.0
    """Level of all normal vibration, rms in `unit`; 0 where unknown. A score relative to it keeps its scale
    when a condition is left out of training."""
    seed: int = 0
    labels: Sequence[str] = ()
    """One label per window, for supervised detectors only; empty otherwise."""
    conditions: Sequence[str] = ()
    """One operating condition per window; empty where they are not known."""
    progress: Progress = quiet
