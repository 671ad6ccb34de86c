"""A slow, obvious reference of the book, and the histories that both are driven by.

The reference keeps the past as lists and works out from them, each time again, what stands now. It knows
nothing of the book's classes; what it says is compared with what the book says and with what a subscriber
makes of the events.
"""

from dataclasses import dataclass, field
from typing import Any

SENSORS = ("a", "b", "c")
KINDS = ("anomaly", "sensor_fault", "model_fault")
CONFIGURATIONS: list[dict[str, dict[str, Any]]] = [
    {"a": {"model": "m1", "machine": "pump"}, "b": {"model": "m1", "machine": "pump"}, "c": {"model": "m2"}},
    {"a": {"model": "m2", "machine": "pump"}, "b": {"model": "m1", "machine": "pump"}},
    {"a": {"model": "m1", "latched": True}, "b": {"model": "m1", "latched": True}, "c": {"model": "m2"}},
    {"b": {"model": "m3", "suppressed": "overhaul"}, "c": {"model": "m2", "latched": True}},
]
"""What a site may write, one after the other, each sensor with what is not usual of it."""
MOST, MINUTE_S = 6, 60.0


@dataclass
class Alarm:
    """One alarm from its beginning to its end, as the past tells."""

    id: str
    sensor: str
    kind: str
    model: str
    latched: bool
    active: bool = True
    acknowledged: str | None = None
    shelved: tuple[int, int, int] | None = None
    """From and until when by the wall clock, and until when by the steady one, microseconds."""
    suppressed: str = ""


@dataclass
class Naive:
    """All that has happened, and what is open after it."""

    config: dict[str, dict[str, Any]] = field(default_factory=dict)
    open: dict[tuple[str, str], Alarm] = field(default_factory=dict)
    line: dict[tuple[str, str], str] = field(default_factory=dict)
    """The alarm that each pipeline has now, by sensor and kind."""
    begun: list[tuple[float, str, str]] = field(default_factory=list)
    """When alarms began in pipelines since the program started."""
    resting: set[tuple[str, str]] = field(default_factory=set)
    """Alarms that would be over if they did not begin too often."""

    def begin(self, sensor: str, kind: str, name: str, now_s: float) -> None:
        self.line[sensor, kind] = name
        self.begun.append((now_s, sensor, kind))
        site = self.config[sensor]
        alarm = self.open.get((sensor, kind))
        if alarm is None:
            latched = bool(site.get("latched")) and kind == "anomaly"
            suppressed = site.get("suppressed", "")
            self.open[sensor, kind] = Alarm(name, sensor, kind, site["model"], latched, suppressed=suppressed)
        elif not alarm.active:
            alarm.active, alarm.acknowledged = True, None
        self.resting.discard((sensor, kind))

    def end(self, sensor: str, kind: str, now_s: float) -> None:
        del self.line[sensor, kind]
        self.resting.add((sensor, kind))
        self.settle(now_s)

    def settle(self, now_s: float) -> None:
        """Let everything come to its end that may."""
        for key in sorted(self.resting):
            recent = [
                at for at, sensor, kind in self.begun if (sensor, kind) == key and now_s - at < MINUTE_S
            ]
            if len(recent) >= MOST:
                continue
            self.resting.discard(key)
            alarm = self.open.get(key)
            if alarm is not None and alarm.latched:
                alarm.active = False
            elif alarm is not None:
                del self.open[key]

    def shelving(self, wall_us: int, steady_us: int) -> None:
        """Whichever clock comes first ends it."""
        for alarm in self.open.values():
            if alarm.shelved is not None and (wall_us >= alarm.shelved[1] or steady_us >= alarm.shelved[2]):
                alarm.shelved = None

    def watch(self, config: dict[str, dict[str, Any]]) -> None:
        self.config = config
        self.open = {key: alarm for key, alarm in self.open.items() if key[0] in config}
        self.line = {key: name for key, name in self.line.items() if key[0] in config}
        self.resting = {key for key in self.resting if key[0] in config}
        self.begun = [item for item in self.begun if item[1] in config]
        for key, alarm in list(self.open.items()):
            site = config[key[0]]
            alarm.suppressed = site.get("suppressed", "")
            if alarm.kind == "anomaly":
                latched = bool(site.get("latched"))
                if alarm.latched and not latched and not alarm.active:
                    del self.open[key]
                alarm.latched = latched

    def restart(self, wall_us: int, steady_us: int) -> None:
        """The program begins again: pipelines take up what was active, and nothing else is remembered."""
        self.begun, self.resting = [], set()
        self.line = {key: alarm.id for key, alarm in self.open.items() if alarm.active}
        for alarm in self.open.values():
            if alarm.shelved is not None:
                begun, until, _ = alarm.shelved
                alarm.shelved = begun, until, steady_us + min(until - wall_us, until - begun)

    def find(self, name: str) -> Alarm | None:
        return next((alarm for alarm in self.open.values() if alarm.id == name), None)

    def picture(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        """Of each open alarm what everybody must say alike."""
        return {
            key: (
                alarm.id,
                alarm.model,
                alarm.active,
                alarm.acknowledged,
                alarm.shelved is not None,
                alarm.suppressed,
            )
            for key, alarm in self.open.items()
        }
