"""One request of a gateway: from its captures to a model, and to an answer that says what supports it.

The steps are those of `fit_list`, with two differences. Nobody has looked at the recordings, so that signs of
a fault refuse; and a capture that cannot be read costs that capture and not the request. With the same
captures and options `trainer fit` writes the same bytes.
"""

import hashlib
import os
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from edge_runtime.core import (
    LEARNT_MODEL,
    DataError,
    EdgeError,
    LearningAnswer,
    LearningProgress,
    LearningRequest,
    learning_folder,
    printable,
    read_request,
    write_learning,
)
from trainer.calibration import Order
from trainer.core import ChoiceError, FitError, RecordingError, without_model
from trainer.detectors import create
from trainer.fitting.base_shift import shift_from_base
from trainer.fitting.steps import fit, refuse_deaf, write
from trainer.recordings import (
    SIGN_NAMES,
    TOWERING,
    CaptureRow,
    CaptureSet,
    check_known,
    check_recordings,
    condition_names,
    fault_signs,
    problem_notes,
    read_captures,
    refuse_faults,
)

LEARNER_VALUES: Final = 2 * 1024 * 1024
"""Samples that a fit holds: 682 windows of three channels at most. Measured: four conditions of 20 s of three
channels at 12 kHz, which fill it, take 283 MB; `python -m tests.trainer.learning` measures any others."""
_LONGEST: Final = 1024
"""Samples of a window, as `trainer fit` has it."""
_WINDOW_S: Final = 1.0
"""Slow sensors get windows of a second at most, so that an alarm, which takes several, comes within ten."""
_SHORTEST: Final = 128
"""Fewer samples make no spectrum of 24 bands."""
_EVERY_S: Final = 2.0
"""Between two progress files: each is written through to the card."""
_LINE: Final = 4000
"""Characters of a sentence, as an answer may have them."""
_WARNINGS: Final = 64
"""As many as an answer may have."""


def learn_request(state_folder: Path, sensor: str) -> LearningAnswer | None:
    """Do what the request in a sensor's folder asks for, and write the answer; None where there is none.

    Raises DataError for a request that makes no sense, OSError where the answer cannot be written.
    """
    folder = learning_folder(state_folder, sensor)
    request = read_request(folder)
    if request is None:
        return None
    learner = _Learner(state_folder, folder, request, time.monotonic())
    answer = learner.answer()
    write_learning(folder, answer)
    return answer


def learning_order(request: LearningRequest) -> Order:
    """What a request asks of a fit."""
    samples = _LONGEST
    while samples > _SHORTEST and samples > _WINDOW_S * request.rate_hz:
        samples //= 2
    return Order(
        request.detector,
        name=request.machine or request.sensor,
        samples=samples,
        hop=samples // 2,
        budget=request.false_alarms,
        accept=tuple(name for name in request.accept if name not in SIGN_NAMES),
        sensor_range=request.range,
        most_values=LEARNER_VALUES,
    )


@dataclass(slots=True)
class _Learner:
    state_folder: Path
    folder: Path
    request: LearningRequest
    began_s: float
    _told_s: float = float("-inf")

    def answer(self) -> LearningAnswer:
        """Learn; whatever goes wrong is an answer, too."""
        try:
            return self._learnt()
        except ModuleNotFoundError as error:
            return self._without_model(
                "refused",
                f"{self.request.detector} needs {error.name}, which a gateway does not have",
                "Choose principal_components or gaussian, or learn from the captures on a workstation",
            )
        except MemoryError:
            return self._without_model(
                "failed",
                "learning needs more memory than it may have",
                "Learn from fewer or shorter captures",
            )
        except (ChoiceError, DataError, FitError, RecordingError) as error:
            return self._without_model("refused", self._said(error), error.remedy)
        except EdgeError as error:
            return self._without_model("failed", self._said(error), error.remedy)
        except Exception as error:  # noqa: BLE001 - whatever a library raises, the service waits for an answer
            return self._without_model(
                "failed", f"{error.__class__.__name__}: {error}"[:500], "Report it, with the captures"
            )

    def _learnt(self) -> LearningAnswer:
        request, order = self.request, learning_order(self.request)
        create(order.detector)  # a wrong name is said before captures are read
        check_known(request.accept)
        order.check()
        read = self._read()
        found = check_recordings(read.recordings, order.accept)
        self._progress(0.1, "looking for signs of a fault")
        signs = refuse_faults(
            fault_signs(read.recordings, order.samples, request.machine_group), request.accept
        )
        base = request.base_model
        shift = [] if base is None else shift_from_base(self.state_folder / base, read.recordings)
        fitted = fit(read.recordings, order, partial(self._progress_of, 0.1, 0.8))
        refuse_deaf(fitted, order)
        self._progress(0.95, "writing the model")
        path = self.folder / LEARNT_MODEL
        notes = write(fitted, order, path, problem_notes(found), request.asked_s).notes
        cut = [f"Of the captures were {notes[name]}" for name in ("unusable", TOWERING) if name in notes]
        warnings = [*read.left_out, *map(str, found), *map(str, signs), *shift, *cut]
        return replace(
            self._without_model("learnt", "", ""),
            warnings=tuple(self._short(text) for text in warnings[:_WARNINGS]),
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            hours=sum(item.duration_s for item in read.recordings) / 3600,
            conditions=condition_names(read.recordings),
            days=len(read.days),
            power="" if fitted.power is None else self._short(fitted.power.statement),
        )

    def _read(self) -> CaptureSet:
        asked, folder = self.request, self.state_folder
        rows = [CaptureRow(folder / item.path, item.condition, asked.sensor) for item in asked.captures]
        progress = partial(self._progress_of, 0.0, 0.1)
        return read_captures(rows, asked.channels, asked.unit, asked.rate_hz, progress)

    def _progress_of(self, start: float, part: float, share: float, step: str) -> None:
        self._progress(start + part * share, step)

    def _progress(self, share: float, step: str) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < _EVERY_S and share < 1:
            return
        self._told_s = now_s
        seconds = now_s - self.began_s
        write_learning(
            self.folder, LearningProgress(self.request.id, step, min(max(share, 0.0), 1.0), seconds)
        )

    def _without_model(self, outcome: str, reason: str, remedy: str) -> LearningAnswer:
        seconds = time.monotonic() - self.began_s
        return without_model(self.request.id, outcome, self._short(reason), self._short(remedy), seconds)

    def _said(self, error: EdgeError) -> str:
        return f"{error.where}: {error.what}" if error.where else error.what

    def _short(self, text: str) -> str:
        """What a person at the gateway can use: paths from the state folder on."""
        return printable(" ".join(text.replace(f"{self.state_folder}{os.sep}", "").split()), _LINE)
