"""What the service's thread does for the history: closes minutes by the clock, has ten of them written."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from edge_runtime.book import Action, Change
from edge_runtime.configuration import Config
from edge_runtime.core import EdgeError, Transition, printable
from edge_runtime.gateway.bookkeeper import Bookkeeper
from edge_runtime.gateway.history.desk import Closed, HistoryDesk, Noted
from edge_runtime.gateway.history.keeping import Keeping
from edge_runtime.gateway.history.methods import HistoryParams, page
from edge_runtime.gateway.history.reading import Mark
from edge_runtime.gateway.history.trend import Trend
from edge_runtime.gateway.preparation import PreparedSensor
from edge_runtime.gateway.stations import Stations

WRITE_S: Final = 600.0
"""Between two writes: so much may be lost, and a card takes 144 of them a day for years."""
LOOK_S: Final = 1.0
"""Between two looks at states, models and the clock."""
JOIN_S: Final = 2.0
"""Seconds that the last write may take at the end: a disk may hang. It is a daemon thread."""
_NOTE: Final = 120
"""Characters that are kept of a reason or note."""


class Chronicle:
    """Used by the service's thread; none of it waits, but `stop`."""

    def __init__(self, config: Config, stations: Stations, keeper: Bookkeeper) -> None:
        """Prepare; nothing is read or written before `start`."""
        self._stations, self._keeper = stations, keeper
        file = config.history.file(config.state_folder)
        keeping = Keeping(file, config.history, config.recording)
        self._desk = HistoryDesk(keeping, stations.wake)
        self._trends: dict[str, Trend] = {}
        self._said: dict[tuple[str, str], str] = {}
        self._ticked_s = time.monotonic()
        # With the tens of the clock, so that each write is of whole blocks.
        self._due_s = self._ticked_s + WRITE_S - time.time() % WRITE_S

    @property
    def alive(self) -> bool:
        """Whether the thread that writes is."""
        return self._desk.is_alive()

    @property
    def trouble(self) -> str:
        """What is wrong with it, in words; empty when nothing is."""
        return "; ".join(part for part in (self._desk.trouble, self._desk.keeping.set_aside) if part)

    def start(self) -> None:
        """Begin to take what comes."""
        self._keeper.witnesses.append(self._witness)
        self._keeper.late_witnesses.append(self._witness_late)
        self._desk.start()

    def attend(self, sensors: Sequence[PreparedSensor]) -> None:
        """Look at these sensors; one whose line begins again is looked at anew."""
        settings = {sensor.settings.name: sensor.settings for sensor in sensors}
        before, self._trends = self._trends, {}
        for place, station in enumerate(self._stations):
            known, stated = before.get(station.name), settings[station.name]
            if known is None or not known.is_of(station, stated):
                known = Trend(station, stated, self._desk.look, place / len(settings))
            self._trends[station.name] = known
            station.scored, station.pipeline.onlooker = known.scored, known
        self._desk.sensors = len(self._trends)
        gone = [trend for trend in before.values() if trend not in self._trends.values()]
        self._close(gone, time.time(), time.monotonic())
        for trend in self._trends.values():
            trend.read = None
        self._desk.judge = lambda _sensor, _values: None
        if any(stated.trends.kinds for stated in settings.values()):
            from edge_runtime.gateway.history.limits import Limits  # noqa: PLC0415  only where there are some

            limits = Limits([(each, settings[each.name]) for each in self._stations], self._keeper)
            limits.recall(self._desk)
            self._desk.judge = limits.look
            for name in limits.reading:
                self._trends[name].read = partial(limits.read, name)

    def tick(self, now_s: float) -> None:
        """Close the minute that is over, and have ten of them written."""
        self._desk.pump()
        if (passed_s := now_s - self._ticked_s) < LOOK_S:
            return
        self._ticked_s, wall_s, due = now_s, time.time(), now_s >= self._due_s
        for trend in self._trends.values():
            trend.pass_time(passed_s)
        over = [trend for trend in self._trends.values() if due or trend.minute != int(wall_s) // 60]
        self._close(over, wall_s, now_s)
        for station in self._stations:
            self._watched(station.name, "model", station.prepared.model.sha256)
            said = self._keeper.book.condition(station.name).commissioning
            self._watched(station.name, "commissioning", said or "")
        if due and self._desk.write():
            self._due_s = now_s + WRITE_S

    def stop(self) -> None:
        """Write what there is."""
        wall_s, now_s = time.time(), time.monotonic()
        for trend in self._trends.values():
            trend.pass_time(now_s - self._ticked_s)
        self._close(list(self._trends.values()), wall_s, now_s)
        for station in self._stations:
            station.scored = station.pipeline.onlooker = None
        self._keeper.witnesses.remove(self._witness)
        self._keeper.late_witnesses.remove(self._witness_late)
        self._desk.leave()
        self._desk.join(JOIN_S)
        self._desk.pump()

    def figures(self) -> dict[str, float | None]:
        """Counters and gauges, as docs/reference/health.md lists them."""
        keeping = self._desk.keeping
        return {
            "written": float(self._desk.written),
            "lost": float(self._desk.lost),
            "dropped": float(self._desk.dropped),
            "bytes": float(keeping.bytes),
            "set_aside": float(keeping.aside_count),
        }

    def read(self, params: HistoryParams, then: Callable[[object, EdgeError | None], None]) -> None:
        """Let the desk read it, with the minute that goes on."""
        asked = [trend for trend in self._trends.values() if trend.name == params.sensor]
        self._close(asked, time.time(), time.monotonic())
        self._desk.ask(partial(page, params=params, stated=tuple(self._trends)), then)

    def _close(self, trends: Sequence[Trend], wall_s: float, now_s: float) -> None:
        if trends:
            self._desk.close_minutes(
                [Closed(trend.name, trend.minute, trend.apart_s, trend.close()) for trend in trends]
            )
            for trend in trends:
                trend.begin(wall_s, now_s)

    def _watched(self, sensor: str, kind: str, what: str) -> None:
        if self._said.get((sensor, kind)) != what:
            self._said[sensor, kind] = what
            self._note(sensor, kind, what, watched=True)

    def _witness(self, change: Change, _body: bytes) -> None:
        alarm, action = change.alarm, change.action
        if change.transition is Transition.UPDATE:
            if action not in (None, Action.EVIDENCE):
                verity = f" {alarm.judgement.verity}" if action is Action.JUDGED and alarm.judgement else ""
                self._note(alarm.sensor, str(action), _words(f"{alarm.kind}{verity}", change.by, change.note))
            return
        text = f"{alarm.kind} {'began' if change.transition is Transition.NEW else 'ended'}"
        if change.transition is Transition.NEW and alarm.score is not None and alarm.threshold is not None:
            text += f", score {alarm.score:.4g} of {alarm.threshold:.4g}"
        self._note(alarm.sensor, "alarm", _words(text, change.by, change.note or alarm.reason))

    def _witness_late(self, sensor: str, event: Mapping[str, Any], action: Action) -> None:
        if action is Action.JUDGED:
            verity = (event.get("judgement") or {}).get("verity", "")
            by, note = event.get("by", ""), event.get("note", "")
            self._note(sensor, str(action), _words(f"{event.get('kind', '')} {verity}", by, note))

    def _note(self, sensor: str, kind: str, text: str, *, watched: bool = False) -> None:
        wall_s, now_s = time.time(), time.monotonic()
        self._desk.note(Noted(Mark(round(wall_s * 1e6), sensor, kind, text), wall_s - now_s, watched))


def _words(what: str, by: str, note: str) -> str:
    said = f" by {printable(by, 60)}" if by else ""
    return f"{printable(what, 80)}{said}{f': {printable(note, _NOTE)}' if note else ''}"
