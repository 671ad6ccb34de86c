"""What several messages have in common: times, reasons, models, what people did about an alarm. Pure."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from edge_runtime.book import Evidence, Finding, Judgement, OpenAlarm
from edge_runtime.core import ModelSummary, printable
from edge_runtime.messages.bodies import MAX_BANDS, MAX_FINDINGS, MAX_LINES, MAX_WORDS, BandBody, ModelBody
from edge_runtime.messages.handling_bodies import (
    EvidenceBody,
    FindingBody,
    JudgementBody,
    LineBody,
    RecordBody,
    ShelvingBody,
)
from edge_runtime.messages.json_body import number


def rfc3339(time_us: int) -> str | None:
    """UTC with microseconds, as RFC 3339 writes it; None for a time outside years 1 to 9999."""
    try:
        moment = datetime.fromtimestamp(time_us // 1_000_000, UTC).replace(microsecond=time_us % 1_000_000)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def reason_of(alarm: OpenAlarm) -> str:
    """The reason as it is published: with how often the alarm would have begun while it was held open."""
    if not alarm.again:
        return alarm.reason
    count = f"chatter: would have begun {alarm.again} more times"
    return f"{alarm.reason}; {count}" if alarm.reason else count


def handling(alarm: OpenAlarm) -> dict[str, Any]:
    """What people and the site did about an alarm."""
    done, put = alarm.acknowledged, alarm.shelved
    return {
        "acknowledged": done and RecordBody(time=rfc3339(done.at_us), by=done.who, note=done.note),
        "shelved": put
        and ShelvingBody(until=rfc3339(put.until_us), by=put.who, why=put.why, time=rfc3339(put.at_us)),
        "suppressed": alarm.suppressed,
    }


def known(alarm: OpenAlarm) -> dict[str, Any]:
    """What is known of an alarm beside its scores."""
    return {
        "state": alarm.state,
        "evidence": tuple(map(evidence_body, alarm.evidence)),
        "diagnosis": finding_bodies(alarm.evidence),
        "judgement": judgement_body(alarm.judgement),
    }


def evidence_body(evidence: Evidence) -> EvidenceBody:
    """What of an alarm's vibration is kept."""
    return EvidenceBody(
        id=evidence.id,
        moment=evidence.moment,
        sha256=evidence.sha256,
        bytes=evidence.bytes,
        seconds=evidence.seconds,
        whole=evidence.whole,
    )


def finding_bodies(evidence: Iterable[Evidence]) -> tuple[FindingBody, ...]:
    """What the latest of it says that says anything, channel by channel."""
    latest: tuple[Finding, ...] = ()
    for each in evidence:
        latest = each.findings or latest
    return tuple(map(_finding_body, latest[:MAX_FINDINGS]))


def _finding_body(found: Finding) -> FindingBody:
    lines = tuple(LineBody(**asdict(line)) for line in found.lines[:MAX_LINES])
    return FindingBody(**{**asdict(found), "words": printable(found.words, MAX_WORDS), "lines": lines})


def judgement_body(said: Judgement | None) -> JudgementBody | None:
    """What a person found an alarm to be; None where nobody said so."""
    if said is None:
        return None
    return JudgementBody(verity=said.verity, time=rfc3339(said.at_us), by=said.who, note=said.note)


def model_body(model: ModelSummary) -> ModelBody:
    """The model behind a score."""
    return ModelBody(
        name=model.name,
        version=model.version,
        detector=model.detector,
        sha256=model.sha256,
        origin=model.origin,
    )


def band_bodies(contributions: tuple[tuple[str, float], ...], model: ModelSummary) -> tuple[BandBody, ...]:
    """The largest contributions, with what the model says of their features."""
    bands = []
    for name, share in contributions[:MAX_BANDS]:
        unit, low_hz, high_hz = model.bands.get(name, ("", None, None))
        bands.append(BandBody(name=name, share=number(share), unit=unit, low_hz=low_hz, high_hz=high_hz))
    return tuple(bands)
