"""Whether a sensor can be trusted: its alarm, from what is wrong with windows and from what is missing.

Three windows at fault running are named at once. All else is counted over the time that passes, whatever it
comes from: which share of it gave usable windows, at which rate samples were taken, how often the sensor
restarted. None of these is put off by a gap, a restart or another fault.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from edge_runtime.analysis import EVERY_S, AlarmMachine, FirstLook, RateMeter, UsableShare
from edge_runtime.core import (
    AlarmKind,
    AlarmPolicy,
    FaultReason,
    Frame,
    Manifest,
    SensorFault,
    Transition,
    Verdict,
)
from edge_runtime.pipeline.line_status import LineStatus

_POLICY: Final = AlarmPolicy(votes=(3, 3), off_delay_s=1.0)
"""A judgement: three windows running, since a jerked cable spoils one or two; over after a healthy second."""
_HEALTHY, _THRESHOLD, _FAULTY = 0.0, 0.5, 1.0
"""Scores of the sensor's alarm, and the threshold between them."""
_RESTARTS: Final = 3
_RESTARTS_S: Final = 60.0
"""A sensor that restarted so often within this time is at fault. A judgement: a jerked cable makes it restart
once or twice, a bad supply or a watchdog again and again."""
_PAUSE_S: Final = 2.0
"""A longer time without a frame is a pause; where the site waits for longer, it is one that it allows."""


class SensorJudge:
    """One sensor's own alarm. Times are monotonic seconds, and microseconds of the sensor's clock."""

    def __init__(
        self,
        manifest: Manifest,
        status: LineStatus,
        share: UsableShare,
        silence_s: float,
        new_id: Callable[[], str],
    ) -> None:
        """Note what is found in `status`. Pauses of up to `silence_s` are what the site allows."""
        hop_s = manifest.hop / manifest.rate_hz
        self.alarm = AlarmMachine(AlarmKind.SENSOR, _POLICY, _THRESHOLD, new_id, hop_s)
        self.due_s = self._next_s = float("-inf")
        """When `look` is due, and when it is to judge what passed."""
        self._status, self._share, self._silence_s = status, share, silence_s
        self._lost = 0
        self._rate, self._first = RateMeter(manifest.rate_hz), FirstLook(manifest.rate_hz)
        self._restarts: deque[float] = deque(maxlen=_RESTARTS)
        self._restart = self._spoilt_by = ""
        self._spoilt = 0
        self._standing: SensorFault | None = None
        """What is wrong over time; None where nothing is."""

    def follow(self, share: UsableShare, silence_s: float, hop_s: float) -> None:
        """Go on by other limits; the share of usable windows is counted from here on."""
        self._share, self._silence_s = share, silence_s
        self.alarm.pace(hop_s)

    def rate_doubted(self) -> bool:
        """Whether the sampling rate may be off, before it has been measured."""
        return not self._first.over and self._first.doubts()

    def trust_rate(self) -> None:
        """Doubt the sampling rate no more, until it may be another one."""
        self._first.over = True

    def remark(self) -> str:
        """What of the sampling rate may have made an anomaly that begins now; empty for nothing."""
        known = self._first if self._status.rate is None else self._status.rate
        return f"{FaultReason.RATE}: {known.remark}" if known.remark else ""

    def judge(self, time_us: int, fault: SensorFault | None) -> list[Verdict]:
        """Judge a window that ended at `time_us`, or a line that gives none; return what changed."""
        found = fault or self._standing
        if found is None and self.alarm.rest():
            return []
        score, reason = (_HEALTHY, "") if found is None else (_FAULTY, str(found))
        verdict = self.alarm.step(time_us, score, reason)
        while self._standing is not None and verdict.alarm is None:  # what time has shown needs no votes
            verdict = self.alarm.step(time_us, score, reason)
        if verdict.alarm is not None and found is not None:
            self._status.problem = found
        if verdict.transition is Transition.END:
            self._status.problem = None
            self._share.restart()
        return [] if verdict.transition is None else [verdict]

    def spoilt(self, fault: SensorFault) -> None:
        """Count a window that cannot be used."""
        self._spoilt += 1
        self._spoilt_by = str(fault)

    def moved(self, lost: int | None) -> None:
        """Samples were lost before the newest frame; None where it is not known how many."""
        if lost is None:
            self.interrupted()
        else:
            self._lost += lost

    def restarted(self, now_s: float, what: str) -> None:
        """The sensor restarted, or its port was opened again."""
        self._restarts.append(now_s)
        self._restart = what
        self._next_s = now_s
        self.replaced()

    def interrupted(self) -> None:
        """Measure the rate from here on: how many samples were lost is not known."""
        self._rate.interrupted()
        self._first.interrupted()

    def replaced(self) -> None:
        """Doubt the rate: it may be another sensor, or the same with other settings."""
        self._rate.interrupted()
        self._first.restart()
        self.due_s = float("-inf")

    def look(self, now_s: float, pause_s: float, frame: Frame, position: int) -> list[Verdict]:
        """Judge what passed up to a frame that arrived at `now_s`, `pause_s` after another.

        `position` counts the samples that came.
        """
        status, share = self._status, self._share
        if not self._first.over:
            self._first.note(position + self._lost, now_s)
            self.due_s = now_s
            if now_s < self._next_s:
                return []
        self._next_s = now_s + EVERY_S
        if self._first.over:
            self.due_s = self._next_s
        if not self._first.over and (guess := self._first.reading) is not None:
            status.rate = guess
        if (reading := self._rate.update(position + self._lost, now_s)) is not None:
            status.rate, self._first.over = reading, True
        if _PAUSE_S < pause_s <= self._silence_s:
            share.skip(max(0.0, pause_s - len(frame.samples) / frame.rate_hz))
        share.look(now_s, status.windows - self._spoilt)
        status.usable_share = share.share
        self._standing = self._find(now_s)
        return self.judge(status.newest_us, None) if self._standing is not None else []

    def _find(self, now_s: float) -> SensorFault | None:
        restarts = self._restarts
        if len(restarts) == _RESTARTS and now_s - restarts[0] < _RESTARTS_S:
            detail = f"{_RESTARTS} within {now_s - restarts[0]:.0f} s, lately {self._restart}"
            return SensorFault(FaultReason.RESTARTS, detail)
        standing = self._standing is not None and self._standing.reason is FaultReason.FEW_WINDOWS
        # While another fault stands what is missing has its name, and ends with it.
        if (standing or self.alarm.active is None) and (shortage := self._share.shortage):
            lately = self._spoilt_by or self._status.last_fault or "windows are missing"
            detail = f"{shortage}; lately {lately}"
            return SensorFault(FaultReason.FEW_WINDOWS, detail)
        return None
