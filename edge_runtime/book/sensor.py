"""What the book knows of one sensor beside its alarms: `Sensor`."""

from dataclasses import dataclass, replace

from edge_runtime.book import timing
from edge_runtime.book.entries import LINK_REASONS, Condition, Instant, Link, OpenAlarm, Standing, Watched
from edge_runtime.core import Alarm, AlarmKind, Verdict


@dataclass(slots=True)
class Sensor:
    """A sensor that is watched."""

    watched: Watched
    heard: bool = False
    """Whether a window of it could be judged since start."""
    scored: Verdict | None = None
    """The latest verdict with a score."""
    scored_us: int = 0
    """Time of its window's end by the steady clock."""

    def renew(self, watched: Watched) -> None:
        """Go on with what the site says now."""
        if self.watched.model.sha256 != watched.model.sha256:
            self.scored = None  # a score of another model is none of this one
        self.watched = watched

    def begin(self, verdict: Verdict, alarm: Alarm, sensor_now_us: int, now: Instant) -> OpenAlarm:
        """The alarm that begins with a verdict, as an incident of its own."""
        watched = self.watched
        start_us = timing.steady_of(alarm.start_us, sensor_now_us, now)
        return OpenAlarm(
            id=alarm.id,
            sensor=watched.name,
            kind=alarm.kind,
            machine=watched.machine,
            incident=alarm.id,
            reason=alarm.reason,
            start_us=timing.wall_of(start_us, now),
            peak=alarm.peak_score,
            score=verdict.score,
            threshold=verdict.threshold,
            model=watched.model,
            suppressed=watched.suppressed,
            latched=watched.latched and alarm.kind is AlarmKind.ANOMALY,
            start_steady_us=start_us,
            boot=now.boot,
        )

    def follow(self, alarm: OpenAlarm, verdict: Verdict, seen: Alarm) -> OpenAlarm:
        """The open alarm with the verdict's score, which counts if its own model gave it."""
        if alarm.kind is AlarmKind.ANOMALY and alarm.model.sha256 != self.watched.model.sha256:
            return replace(alarm, score=None)
        return replace(alarm, score=verdict.score, peak=max(alarm.peak, seen.peak_score))

    def condition(self, alarms: tuple[OpenAlarm, ...]) -> Condition:
        """How it stands with the sensor, its line and its model, whose open alarms are given."""
        reasons = {alarm.kind: alarm.reason for alarm in alarms if alarm.active}
        fault = reasons.get(AlarmKind.SENSOR, "")
        link: Link = "up" if fault or self.heard else "unknown"
        if fault.partition(":")[0] in LINK_REASONS:
            link = "down"
        model_fault, watched = reasons.get(AlarmKind.MODEL, ""), self.watched
        return Condition(watched.name, link, fault, model_fault, alarms, watched.commissioning, watched.asks)

    def standing(self, alarm: OpenAlarm | None, now: Instant) -> Standing:
        """How it stands with the machine, whose open anomaly is given."""
        model, threshold, scored = self.watched.model, self.watched.threshold, self.scored
        if scored is None:
            return Standing(self.watched, alarm, model, threshold, None, None, ())
        scored_us = timing.wall_of(self.scored_us, now)
        return Standing(self.watched, alarm, model, threshold, scored.score, scored_us, scored.contributions)
