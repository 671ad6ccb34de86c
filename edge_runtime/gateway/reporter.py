"""One sensor's verdicts to messages: alarms to the spool, the latest state and live scores to the publisher.

Sensors keep time by their own clocks, many only since their boot. What leaves here is in the gateway's wall
time: a sensor's time plus the offset between the two clocks as it is when the message is made. An alarm's
start is fixed once, so that `new`, `update` and `end` agree on it.
"""

import math
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from edge_runtime.core import Alarm, AlarmKind, Transition, Verdict, clock_doubt
from edge_runtime.messages import (
    MessageContext,
    ModelSummary,
    Topics,
    event_message,
    health_message,
    score_message,
    state_message,
)
from edge_runtime.mqtt import Publisher
from edge_runtime.spool import MessageClass, OpenAlarm, Spool

_NO_MODEL: Final = ModelSummary("", "", "", "", supported=False, bands={})
_REMOVED: Final = "the sensor is no longer in the configuration"


class Reporter:
    """Reports on one sensor. `now_us` is the sensor's clock now, microseconds, as in its verdicts."""

    def __init__(
        self, sensor: str, topics: Topics, model: ModelSummary, spool: Spool, publisher: Publisher
    ) -> None:
        self._sensor, self._model, self._spool, self._publisher = sensor, model, spool, publisher
        self._event_topic = topics.sensor(sensor, "event")
        self._state_topic = topics.sensor(sensor, "state")
        self._score_topic = topics.sensor(sensor, "score")
        self._health_topic = topics.sensor(sensor, "health")
        self._starts: dict[AlarmKind, tuple[str, int]] = {}
        """Id of each kind's latest alarm, and when it began in wall time."""
        self._windows = 0

    def open_alarms(self) -> list[Alarm]:
        """Alarms of this sensor that had begun and not ended when the program stopped."""
        prefix = f"{self._sensor}/"
        alarms = [alarm for key, alarm in self._spool.open_alarms().items() if key.startswith(prefix)]
        self._starts |= {alarm.kind: (alarm.id, alarm.start_us) for alarm in alarms}
        return alarms

    def follow(self, model: ModelSummary) -> None:
        """Name another model from now on."""
        self._model = model

    def retire(self) -> None:
        """End what is open, and remove the state: the sensor is no longer in the configuration."""
        for alarm in self.open_alarms():
            now_us, ended = _wall_us(), replace(alarm, reason=_REMOVED)
            self.event(Verdict(now_us, math.nan, math.nan, False, ended, Transition.END), now_us)
        # MQTT 5 section 3.3.1.3: an empty retained message removes the one before.
        self._publisher.retain(self._state_topic, b"")

    @property
    def dropped(self) -> int:
        """Stored alarms of this sensor that were dropped since start because the spool was full."""
        return self._spool.dropped(self._event_topic)

    def event(self, verdict: Verdict, now_us: int) -> None:
        """Commit an alarm's beginning, update or end to the spool; a verdict without an alarm is ignored."""
        published = self._in_wall_time(verdict, now_us)
        alarm = published.alarm
        if alarm is None:
            return
        context = self._context()
        ended = published.transition is Transition.END
        self._spool.put(
            MessageClass.ALARM,
            self._event_topic,
            lambda seq, epoch: event_message(published, seq, epoch, context),
            OpenAlarm(f"{self._sensor}/{alarm.kind}", None if ended else alarm),
        )

    def state(self, verdict: Verdict, now_us: int) -> None:
        """Replace the retained state."""
        published = self._in_wall_time(verdict, now_us)
        self._publisher.retain(self._state_topic, state_message(published, self._context()))

    def score(self, verdict: Verdict, now_us: int) -> None:
        """Send one window's score, if the broker is connected."""
        self._windows += 1
        published = verdict._replace(time_us=verdict.time_us + _wall_us() - now_us)
        self._publisher.offer(self._score_topic, score_message(published, self._windows))

    def health(self, members: dict[str, object]) -> None:
        """Send the health message, if the broker is connected; `members` are those of `HealthBody`."""
        now_us = _wall_us()
        body = health_message(members, now_us, clock_ok=not clock_doubt(now_us / 1e6))
        self._publisher.offer(self._health_topic, body)

    def _in_wall_time(self, verdict: Verdict, now_us: int) -> Verdict:
        offset_us = _wall_us() - now_us
        alarm = verdict.alarm
        if alarm is not None:
            known_id, start_us = self._starts.get(alarm.kind, ("", 0))
            if known_id != alarm.id:
                start_us = alarm.start_us + offset_us
                self._starts[alarm.kind] = alarm.id, start_us
            alarm = replace(alarm, start_us=start_us)
        return verdict._replace(time_us=verdict.time_us + offset_us, alarm=alarm)

    def _context(self) -> MessageContext:
        now_us = _wall_us()
        return MessageContext(now_us, not clock_doubt(now_us / 1e6), self._model)


def end_orphans(sensors: Collection[str], topics: Topics, spool: Spool, publisher: Publisher) -> None:
    """End the alarms of sensors that are not among `sensors`: no pipeline is left that would end them."""
    owners = {key.rpartition("/")[0] for key in spool.open_alarms()}
    for sensor in sorted(owners.difference(sensors)):
        Reporter(sensor, topics, _NO_MODEL, spool, publisher).retire()


def _wall_us() -> int:
    return time.time_ns() // 1000
