"""A model that was taken up is on probation in the service: `Probation`. Where it is bad here it goes back.

It proved itself in a child process before. What only shows at the machine is looked at while it scores: no
score, a golden window that scores otherwise, a run that takes too long, more windows above the threshold than
below, a state that was never learnt for most of the time. The model before takes over by a reload, which
loses nothing.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from edge_runtime.core import UNSEEN, EdgeError, GoldenWindowError
from edge_runtime.gateway.preparation import PreparedService
from edge_runtime.gateway.sensor_station import Station
from edge_runtime.gateway.updates.places import CURRENT, Places, SensorPlaces
from edge_runtime.gateway.updates.record import Entry, Record
from edge_runtime.gateway.updates.sending_back import step_back
from edge_runtime.models import Artefact, check_golden
from edge_runtime.pipeline import LineStatus

LOOK_S: Final = 0.5
"""Between two looks: a bad model has to be gone within a minute."""
TRY_S: Final = 10.0
"""Between two runs of golden windows on the thread that scores: a few milliseconds."""
LEAST: Final = 20
"""Looks at different windows before a share of them counts, and before a model has passed: 10 s at least."""
UNSCORED: Final = 3
"""Looks in a row without a score: one window may be beyond what a model was made for."""
SLOW: Final = 3
"""Tries in a row that took too long: a busy moment is no slow model."""
SHARE: Final = 0.5
WHO: Final = "edge-runtime"


@dataclass(slots=True)
class Course:
    """How one model does."""

    sensor: str
    sha256: str
    artefact: Artefact
    threshold: float
    begun: int
    """Windows of the sensor when it began."""
    windows: int
    """At the latest look."""
    looks: int = 0
    exceeded: int = 0
    unseen: int = 0
    unscored: int = 0
    slow: int = 0
    tried_s: float = float("-inf")

    def look(self, status: LineStatus, score: float | None, now_s: float, *, unseen: bool) -> str:
        """Look once; why it has to go, empty where it may stay.

        `score` is the latest, and `unseen` says that the machine is in a state that was not learnt.
        """
        if now_s - self.tried_s >= TRY_S:
            self.tried_s = now_s
            if why := self.try_again():
                return why
        if status.windows == self.windows:
            return ""
        self.windows = status.windows
        self.unscored = self.unscored + 1 if status.model_problem else 0
        if self.unscored >= UNSCORED:
            return f"gives no score ({status.model_problem})"
        return "" if status.model_problem or score is None else self.judge(score, unseen=unseen)

    def judge(self, score: float, *, unseen: bool) -> str:
        """Count a window's score; why it has to go, empty where it may stay."""
        self.looks += 1
        self.exceeded += score > self.threshold
        self.unseen += unseen
        if self.looks < LEAST:
            return ""
        if self.exceeded > SHARE * self.looks:
            return f"{self.exceeded} of {self.looks} windows exceed its threshold"
        return "the machine is in a state that it did not learn" if self.unseen > SHARE * self.looks else ""

    def try_again(self) -> str:
        """Score its golden windows; why it has to go, empty where it may stay."""
        manifest = self.artefact.manifest
        begun_s = time.perf_counter()
        try:
            check_golden(manifest, self.artefact.graph, self.sensor)
        except GoldenWindowError as error:
            return error.what
        except EdgeError as error:
            return f"cannot be run ({error.what})"
        window_s = (time.perf_counter() - begun_s) / len(manifest.golden)
        self.slow = self.slow + 1 if window_s > SHARE * manifest.hop / manifest.rate_hz else 0
        return f"takes {1000 * window_s:.0f} ms for a window" if self.slow >= SLOW else ""


class Probation:
    """Of all sensors. Called on the service's thread; a thread of its own writes."""

    def __init__(
        self,
        stations: Iterable[Station],
        score: Callable[[str], float | None],
        prepare_again: Callable[[], None],
    ) -> None:
        """`score` is the latest of a sensor."""
        self._stations, self._score, self._prepare_again = stations, score, prepare_again
        self._courses: dict[str, Course] = {}
        self._failed: dict[str, tuple[str, str]] = {}
        self._looked_s = float("-inf")
        self._writing: threading.Thread | None = None
        self._written = False
        self.said: dict[str, str] = {}
        """By sensor: why a model went back, until another is taken up."""

    def attend(self, prepared: PreparedService) -> None:
        """Go on with the models that are run now; those that began before go on where they are."""
        self._places, self._wanted = Places(prepared.config.state_folder), prepared.config.updates.windows
        record = Record.read(self._places.folder)
        self._failed = {
            name: (digest, prepared.not_taken_up[name]) for name, digest in prepared.failed_here.items()
        }
        courses = {}
        windows = {station.name: station.pipeline.status.windows for station in self._stations}
        for sensor in prepared.sensors if self._wanted else ():
            name, artefact, digest = sensor.settings.name, sensor.watch.artefact, sensor.model.sha256
            if artefact is None or not on_probation(record, self._places.sensor(name), name, digest):
                continue
            self.said.pop(name, None)
            before, begun = self._courses.get(name), windows[name]
            fresh = Course(name, digest, artefact, sensor.watch.threshold, begun, begun)
            courses[name] = before if before is not None and before.sha256 == digest else fresh
        self._courses = courses

    def on_probation(self, sensor: str) -> bool:
        """Whether the model of this sensor is."""
        return sensor in self._courses

    def tick(self, now_s: float) -> None:
        """Look where it is time; let the service follow what was written."""
        if self._written:
            self._written = False
            self._prepare_again()
        if not (self._courses or self._failed) or now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        for name, (digest, why) in list(self._failed.items()):
            self._begin(name, digest, f"cannot be run ({why})")
        for station in self._stations:
            if (course := self._courses.get(station.name)) is None:
                continue
            state, status = station.machine_state, station.pipeline.status
            unseen = state is not None and state.name == UNSEEN
            why = course.look(status, self._score(station.name), now_s, unseen=unseen)
            seen = course.windows - course.begun >= self._wanted and course.looks >= LEAST
            if why or seen:
                self._begin(station.name, course.sha256, why)

    def stop(self) -> None:
        """Wait for what is being written: it is small."""
        if self._writing is not None:
            self._writing.join()

    def _begin(self, sensor: str, digest: str, why: str) -> None:
        """Write on a thread, unless another does: then at a later look."""
        if self._writing is None or not self._writing.is_alive():
            words = (sensor, digest, why)
            self._writing = threading.Thread(target=self.write, args=words, name="probation")
            self._writing.start()

    def write(self, sensor: str, digest: str, why: str) -> None:
        """Note that it passed, or why it goes back; on the thread that writes."""
        folder = self._places.folder
        try:
            with self._places.changing():
                if self._places.sensor(sensor).linked(CURRENT) != digest:
                    return  # another was taken up meanwhile
                if why:
                    step_back(self._places, sensor, Entry(time.time(), "back", "", who=WHO, why=why))
                else:
                    passed = Entry(time.time(), "passed", digest, who=WHO)
                    Record.read(folder).note(folder, sensor, passed)
        except OSError:  # a full disk: the next look comes to it
            return
        if why:
            self.said[sensor] = f"went back to the model before: the one that was taken up {why}"
            self._written = True
        self._failed.pop(sensor, None)
        self._courses.pop(sensor, None)


def on_probation(record: Record, links: SensorPlaces, sensor: str, digest: str) -> bool:
    """Whether the model with this SHA-256 was taken up, is run, and has not passed yet."""
    about = [each.what for each in record.entries.get(sensor, ()) if each.sha256 == digest]
    done = [what for what in about if what in ("installed", "passed")]
    return links.linked(CURRENT) == digest and done[-1:] == ["installed"]
