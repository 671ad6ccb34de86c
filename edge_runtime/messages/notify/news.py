"""Which events people are told of, and what of them: `News`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from edge_runtime.core import printable

_LONG: Final = 300
"""Characters kept of a reason, a note or a sentence of a diagnosis."""
_MOST_FINDINGS: Final = 3
_FURTHER: Final = ("returned", "unshelved")
"""Updates by which an alarm that stands comes to people's notice again, where nobody did it."""


@dataclass(frozen=True, slots=True)
class News:
    """What is told of one event; every text printable, on one line and bounded."""

    what: str
    """`began`, `ended`, `kept` (its vibration, and what that says), `returned`, `unshelved`."""
    alarm: str
    """Its id."""
    sensor: str
    kind: str
    machine: str
    reason: str
    start_time: str
    end_time: str
    """Empty before its end."""
    peak: float | None
    """None for a fault: a sensor has no score."""
    threshold: float | None
    clock_ok: bool
    diagnosis: tuple[tuple[str, str], ...] = ()
    """Channel and sentence."""
    evidence: tuple[tuple[str, str], ...] = ()
    """Name for `edge-runtime evidence` and SHA-256 of what is kept."""
    by: str = ""
    """Who ended it; empty where nobody did."""

    @property
    def key(self) -> tuple[str, str]:
        """What is folded: the same kind of alarm of the same sensor."""
        return self.sensor, self.kind

    def members(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    @staticmethod
    def of(members: Mapping[str, Any]) -> "News":
        """As `members` gave it and JSON kept it. Raises TypeError for anything else."""
        lists = {name: tuple(map(tuple, members.get(name, ()))) for name in ("diagnosis", "evidence")}
        return News(**{**members, **lists})


def news_of(sensor: str, event: Mapping[str, Any]) -> News | None:
    """What is told of a sensor's event as the spool has it; None where nobody is to be bothered.

    People are not told of what the site suppresses or a person has shelved, nor of what people did.
    """
    what = _what(event)
    if not what or event.get("suppressed") or (event.get("shelved") and what != "ended"):
        return None
    fault = event.get("kind") != "anomaly"
    return News(
        what=what,
        alarm=_text(event, "id"),
        sensor=printable(sensor, _LONG),
        kind=_text(event, "kind"),
        machine=_text(event, "machine"),
        reason=_text(event, "reason"),
        start_time=_text(event, "start_time"),
        end_time=_text(event, "end_time") if what == "ended" else "",
        peak=None if fault else event.get("peak"),
        threshold=None if fault else event.get("threshold"),
        clock_ok=bool(event.get("clock_ok")),
        diagnosis=tuple(
            (_text(each, "channel"), _text(each, "words"))
            for each in _objects(event.get("diagnosis"))[:_MOST_FINDINGS]
        ),
        evidence=tuple(
            (_text(each, "id"), _text(each, "sha256")) for each in _objects(event.get("evidence"))
        ),
        by=_text(event, "by") if what == "ended" else "",
    )


def _what(event: Mapping[str, Any]) -> str:
    kind, action = event.get("type"), event.get("action")
    # Of its first vibration; what is kept later is in what is told of its end.
    if action == "evidence":
        return "kept" if len(_objects(event.get("evidence"))) == 1 else ""
    if kind == "update":
        return str(action) if action in _FURTHER and not event.get("by") and event.get("active") else ""
    return {"new": "began", "end": "ended"}.get(str(kind), "") if action != "judged" else ""


def _text(members: Mapping[str, Any], name: str) -> str:
    return printable(members.get(name) or "", _LONG)


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, Sequence) else []
