"""What the book knows of one sensor beside its alarms: `Sensor`."""

from dataclasses import dataclass, replace
from typing import Final

from edge_runtime.book import timing
from edge_runtime.book.entries import LINK_REASONS, Condition, Instant, Link, OpenAlarm, Standing, Watched
from edge_runtime.core import TREND_KINDS, Alarm, AlarmKind, MachineState, Verdict

UNARMED: Final = "the sensor is being commissioned: anomalies of it are no alarms now"
NO_LIMIT: Final = "the configuration sets no limit on this any more"


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
    state: MachineState | None = None
    """Operating state of the machine; None while nothing says it."""
    since_us: int = 0
    """When it was first known, by the steady clock."""

    def renew(self, watched: Watched) -> None:
        """Go on with what the site says now."""
        if self.watched.model.sha256 != watched.model.sha256:
            self.scored = None  # a score of another model is none of this one
        self.watched = watched

    def unwatched(self, kind: AlarmKind) -> str:
        """Why nothing would see the end of an open alarm of this kind; empty where something does."""
        if kind is AlarmKind.ANOMALY and not self.watched.armed:
            return UNARMED
        return NO_LIMIT if kind in TREND_KINDS and kind not in self.watched.trends else ""

    def enter(self, state: MachineState | None, sensor_now_us: int, now: Instant) -> bool:
        """Enter the machine's operating state; return whether that is news."""
        if self.state == state:
            return False
        self.state = state
        if state is not None:
            self.heard, self.since_us = True, timing.steady_of(state.since_us, sensor_now_us, now)
        return True

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
            state=self.state.name if self.state else "",
        )

    def follow(self, alarm: OpenAlarm, verdict: Verdict, seen: Alarm) -> OpenAlarm:
        """The open alarm with the verdict's score, which counts if its own model gave it."""
        if alarm.kind is AlarmKind.ANOMALY and alarm.model.sha256 != self.watched.model.sha256:
            return replace(alarm, score=None)
        return replace(alarm, score=verdict.score, peak=max(alarm.peak, seen.peak_score))

    def condition(self, alarms: tuple[OpenAlarm, ...], now: Instant) -> Condition:
        """How it stands with the sensor, its line and its model, whose open alarms are given."""
        reasons = {alarm.kind: alarm.reason for alarm in alarms if alarm.active}
        fault = reasons.get(AlarmKind.SENSOR, "")
        link: Link = "up" if fault or self.heard else "unknown"
        if fault.partition(":")[0] in LINK_REASONS:
            link = "down"
        watched, known = self.watched, self.state if link == "up" else None
        return Condition(
            watched.name,
            link,
            fault,
            reasons.get(AlarmKind.MODEL, ""),
            alarms,
            watched.commissioning,
            watched.asks,
            state=known,
            since_us=None if known is None else timing.wall_of(self.since_us, now),
        )

    def standing(self, alarm: OpenAlarm | None, trends: tuple[OpenAlarm, ...], now: Instant) -> Standing:
        """How it stands with the machine, whose open anomaly and alarms on trends are given."""
        model, threshold, scored = self.watched.model, self.watched.threshold, self.scored
        if scored is None:
            return Standing(self.watched, alarm, model, threshold, None, None, (), trends)
        scored_us = timing.wall_of(self.scored_us, now)
        shares = scored.contributions
        return Standing(self.watched, alarm, model, threshold, scored.score, scored_us, shares, trends)
