"""What is sent of one sensor beside its alarms: live scores and health, at QoS 0 and never stored.

Sensors keep time by their own clocks, many only since their boot. What leaves here is in the gateway's wall
time: a sensor's time plus the offset between the two clocks as it is when the message is made.
"""

import time

from edge_runtime.core import Verdict, clock_doubt
from edge_runtime.door import Feed, Topic
from edge_runtime.messages import Topics, health_message, score_message
from edge_runtime.mqtt import Publisher
from edge_runtime.spool import Spool


class Reporter:
    """Reports on one sensor. `now_us` is the sensor's clock now, microseconds, as in its verdicts."""

    def __init__(
        self, sensor: str, topics: Topics, spool: Spool, publisher: Publisher, feed: Feed | None = None
    ) -> None:
        """`feed` takes scores to those who subscribed to them at the door."""
        self._sensor, self._spool, self._publisher, self._feed = sensor, spool, publisher, feed or Feed()
        self._event_topic = topics.sensor(sensor, "event")
        self._score_topic = topics.sensor(sensor, "score")
        self._health_topic = topics.sensor(sensor, "health")
        self._windows = 0

    @property
    def dropped(self) -> int:
        """Stored alarms of this sensor that were dropped since start because the spool was full."""
        return self._spool.dropped(self._event_topic)

    @property
    def scores_wanted(self) -> bool:
        """Whether anybody at the door wants this sensor's scores."""
        return self._feed.wants(Topic.SCORE, self._sensor)

    def score(self, verdict: Verdict, now_us: int, *, publish: bool = True) -> None:
        """Bring one window's score to the door, and send it, if the broker is connected and `publish`."""
        self._windows += 1
        published = verdict._replace(time_us=verdict.time_us + _wall_us() - now_us)
        body = score_message(published, self._windows)
        self._feed.bring(Topic.SCORE, self._sensor, body)
        if publish:
            self._publisher.offer(self._score_topic, body)

    def health(self, members: dict[str, object]) -> None:
        """Send the health message, if the broker is connected; `members` are those of `HealthBody`."""
        now_us = _wall_us()
        seq, epoch = self._spool.newest
        members = {**members, "seq": seq, "epoch": epoch}
        body = health_message(members, now_us, clock_ok=not clock_doubt(now_us / 1e6))
        self._publisher.offer(self._health_topic, body)


def _wall_us() -> int:
    return time.time_ns() // 1000
