"""Asking the learner, and taking its answer: files below `learning/` of the state folder.

Everything here may be cut off anywhere: what is asked for counts once the sensor's record names it, and what
was learnt once the record has its number.
"""

import contextlib
import hashlib
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime import calibration
from edge_runtime.book import Commissioning, Doer, ask_learner, learnt, offer, refused
from edge_runtime.configuration import LearningSettings, check_agreement
from edge_runtime.core import (
    LEARNT_HERE,
    LEARNT_MODEL,
    REQUEST,
    ArtefactError,
    DataError,
    EdgeError,
    LearningAnswer,
    LearningCapture,
    LearningProgress,
    LearningRequest,
    learning_folder,
    read_answer,
    read_progress,
    read_request,
    write_learning,
)
from edge_runtime.gateway.commissioning.days import add_day
from edge_runtime.gateway.commissioning.survey import set_aside, survey
from edge_runtime.gateway.model_records import ModelRecords
from edge_runtime.gateway.recording.recordings import CAPTURES
from edge_runtime.models import Baseline, prove_model, read_baseline, read_model, write_baseline
from edge_runtime.pipeline import write_record
from edge_runtime.sensors import RecordingSettings, SensorSettings


@dataclass(frozen=True, slots=True)
class Learner:
    """The learner as it is asked about one sensor. Every method reads or writes the disk."""

    state_folder: Path
    sensor: SensorSettings
    settings: LearningSettings
    recording: RecordingSettings

    @property
    def captures(self) -> Path:
        """Where the captures of all sensors lie."""
        return self.recording.folder or self.state_folder / CAPTURES

    @property
    def folder(self) -> Path:
        """Where the two meet."""
        return learning_folder(self.state_folder, self.sensor.name)

    def ask(
        self, record: Commissioning, doer: Doer, labels: Collection[str], accepted: tuple[str, ...]
    ) -> Commissioning:
        """Ask it to learn from the captures with these labels; return the record as it is kept.

        Raises DataError for captures that are too few, or another sensor's; OSError.
        """
        found = survey(self.state_folder, self.captures, self.sensor, labels, self.settings.least_s)
        sensor, request_id = self.sensor, uuid.uuid4().hex
        self.forget()
        asked = ask_learner(record, request_id, doer)
        request = LearningRequest(
            id=request_id,
            sensor=sensor.name,
            machine=sensor.machine,
            machine_group=sensor.machine_group,
            detector=self.settings.detector,
            captures=tuple(LearningCapture(item.path, item.condition) for item in found),
            channels=sensor.channels,
            unit=sensor.unit,
            rate_hz=sensor.rate_hz,
            range=sensor.range,
            false_alarms=self.settings.false_alarms,
            accept=accepted,
            base_model=None,
            asked_by=doer.who,
            asked_s=max(0.0, doer.at_us / 1e6),
        )
        write_learning(self.folder, request)
        write_record(self.state_folder, sensor.name, asked)
        return asked

    def hear(self, request: str) -> LearningProgress | LearningAnswer | None:
        """What it says of this request; None while it says nothing.

        Raises DataError where the request is not there any more, or what it says cannot be read.
        """
        answer = read_answer(self.folder)
        if answer is not None and answer.id == request:
            return answer
        asked = read_request(self.folder)
        if asked is None or asked.id != request:
            raise DataError(
                "the request to the learner is not there any more",
                where=str(self.folder / REQUEST),
                remedy=f"Ask again: edge-runtime commission {self.sensor.name} learn",
            )
        progress = read_progress(self.folder)
        return progress if progress is not None and progress.id == request else None

    def take(self, record: Commissioning, answer: LearningAnswer) -> Commissioning:
        """Take its answer: prove, seal and keep the model; return the record as it is kept.

        Raises OSError.
        """
        at_us = time.time_ns() // 1000
        if answer.outcome == "learnt":
            number = record.newest + 1
            try:
                self._keep(number, answer, at_us)
                done = learnt(record, number, "; ".join(answer.warnings), at_us)
            except EdgeError as error:
                done = refused(record, f"the learnt model cannot be used: {error}", at_us)
        else:
            done = refused(record, ". ".join(part for part in (answer.reason, answer.remedy) if part), at_us)
        write_record(self.state_folder, self.sensor.name, done)
        self.forget()
        return done

    def refine(self, record: Commissioning, day: Sequence[float]) -> Commissioning:
        """Keep a normal day's scores, and offer the threshold that the days support, where that is another.

        Raises EdgeError where the model in use cannot be read; OSError.
        """
        sealed = read_baseline(self.state_folder, self.sensor.name, record.baseline)
        days = add_day(self.state_folder, self.sensor.name, sealed.digest, day)
        in_use = sealed.baseline.threshold
        if in_use is None:
            own = prove_model(sealed.model, f"the model learnt of {self.sensor.name}").manifest
            in_use = own.threshold if sealed.adaptation is None else sealed.adaptation.threshold
        found = None if record.offer else calibration.refined_threshold(days, in_use)
        if found is None:
            return record
        number, at_us = record.newest + 1, time.time_ns() // 1000
        why = f"{found.value:.4g} instead of {in_use:.4g}, from {len(days)} normal days. {found.statement}"
        kept = replace(sealed.baseline, threshold=found.value, rests_on=why, learnt_us=at_us)
        write_baseline(self.state_folder, number, kept, sealed.model, sealed.adaptation)
        return self.keep(offer(record, number, why, at_us))

    def keep(self, record: Commissioning, *, afresh: bool = False) -> Commissioning:
        """Keep a record that a person changed; with `afresh` nothing recorded until now is learnt from again.

        Raises EdgeError where the learnt model that it names cannot be used; OSError.
        """
        if record.baseline:
            read_baseline(self.state_folder, self.sensor.name, record.baseline)
        if afresh:
            set_aside(self.state_folder, self.captures, self.sensor.name)
        write_record(self.state_folder, self.sensor.name, record)
        if not record.request:
            self.forget()
        return record

    def give_up(self, record: Commissioning, reason: str) -> Commissioning:
        """Note why nothing comes of the request; return the record as it is kept. Raises OSError."""
        done = refused(record, reason, time.time_ns() // 1000)
        write_record(self.state_folder, self.sensor.name, done)
        self.forget()
        return done

    def forget(self) -> None:
        """Take away what lies between the two."""
        with contextlib.suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                path.unlink(missing_ok=True)

    def _keep(self, number: int, answer: LearningAnswer, at_us: int) -> None:
        where = f"the model learnt of {self.sensor.name}"
        model = read_model(self.folder / LEARNT_MODEL)
        digest = hashlib.sha256(model).hexdigest()
        if digest != answer.sha256:
            raise ArtefactError("is not the file that the learner names", where=where, remedy="Learn again")
        ModelRecords(self.state_folder).prove(model, digest, where)
        check_agreement(replace(self.sensor, model=Path(where)), prove_model(model, where).manifest)
        named = f"{len(answer.conditions)} conditions" if answer.conditions else "no named condition"
        days = f" over {answer.days} days" if answer.days else " on unknown days, as no clock was set"
        long = f"{answer.hours:.1f} h" if answer.hours >= 1 else f"{60 * answer.hours:.1f} min"
        rests_on = f"from {long} in {named}{days}. {answer.power}".strip()
        warnings = "; ".join(answer.warnings)
        kept = Baseline(self.sensor.name, LEARNT_HERE, digest, None, rests_on, warnings, at_us)
        write_baseline(self.state_folder, number, kept, model)
