"""A model of the same kind of machine, adapted to a sensor's own from what was recorded: `Adapter`.

Everything here may be cut off anywhere: the words of the request in the sensor's record say what is wanted,
and are followed again by the next start; what was made counts once the record has its number.
"""

import hashlib
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.book import SHADOW_TOO, Commissioning, Doer, ask_adaptation, learnt
from edge_runtime.core import ACCEPTABLE, ADAPTED, Adaptation, CommissionError, printable
from edge_runtime.gateway.commissioning.learner import Learner
from edge_runtime.gateway.commissioning.survey import NORMAL, SHADOW_LABEL, Surveyed, survey
from edge_runtime.gateway.model_records import ModelRecords
from edge_runtime.messages import rfc3339
from edge_runtime.models import Baseline, check_signed, read_model, write_baseline
from edge_runtime.pipeline import adapt_in_child, write_record

LEAST_S: Final = 2.0
"""Of recordings, below which nothing is begun: another load of CWRU needs as much. Windows are counted when
they are cut."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """What came of a request."""

    model: bytes
    """The file that was adapted."""
    adaptation: Adaptation


@dataclass(frozen=True, slots=True)
class Adapter:
    """Adapts to one sensor's machine. Every method reads or writes the disk; `make` takes minutes."""

    learner: Learner
    """Where recordings are, and which sensor it is."""
    authority: Path | None
    """Who must have signed the file."""

    def ask(
        self, record: Commissioning, doer: Doer, accept: Collection[str], *, shadow: bool
    ) -> Commissioning:
        """Keep that it is wanted; return the record as it is kept.

        Raises CommissionError where there is nothing to adapt, or a check that nobody knows is accepted;
        DataError for captures that are too few, or another sensor's; OSError.
        """
        sensor = self.learner.sensor
        if sensor.file is None:
            raise CommissionError(
                f"the sensor {sensor.name} has no model to adapt",
                remedy="Name one of the same kind of machine as its `base_model`, or learn its own: "
                f"edge-runtime commission {sensor.name} learn",
            )
        if unknown := set(accept) - set(ACCEPTABLE):
            raise CommissionError(
                f"nothing that refuses to adapt is called {', '.join(map(printable, sorted(unknown)))}",
                remedy=f"Give --accept one of {', '.join(ACCEPTABLE)}",
            )
        wished = {*accept, *((SHADOW_TOO,) if shadow else ())}
        asked = ask_adaptation(record, uuid.uuid4().hex[:8], wished, doer)
        self._survey(asked)
        write_record(self.learner.state_folder, sensor.name, asked)
        return asked

    def make(self, record: Commissioning) -> Adapted:
        """Do what the record asks for.

        Raises ArtefactError for a model that is not signed, does not prove itself or cannot be adapted;
        DataError for recordings that it cannot be adapted from.
        """
        sensor, file = self.learner.sensor, self.learner.sensor.file
        if file is None:  # its configuration changed since it was asked
            raise CommissionError(f"the sensor {sensor.name} has no model to adapt", remedy="Give it one")
        model = read_model(file)
        digest = hashlib.sha256(model).hexdigest()
        if self.authority is not None:
            check_signed(file, digest, self.authority)
        records = ModelRecords(self.learner.state_folder)
        records.prove(model, digest, str(file))
        found = [self.learner.state_folder / item.path for item in self._survey(record)]
        now, accept = rfc3339(time.time_ns() // 1000) or "", record.wished - {SHADOW_TOO}
        made = adapt_in_child(model, found, self.learner.captures, now, accept)
        records.prove(model, digest, f"the adapted model of {sensor.name}", made)
        return Adapted(model, made)

    def take(self, record: Commissioning, made: Adapted) -> Commissioning:
        """Seal and keep what was made; return the record as it is kept.

        Raises OSError, and UnavailableError where it cannot be sealed.
        """
        state, sensor, number = self.learner.state_folder, self.learner.sensor, record.newest + 1
        at_us, found, warnings = time.time_ns() // 1000, made.adaptation, "; ".join(made.adaptation.warnings)
        digest = hashlib.sha256(made.model).hexdigest()
        rests_on = (
            f"adapted from {found.name} (SHA-256 {digest[:12]}...) by {found.windows} windows, "
            f"{found.seconds:.3g} s. {found.calibration.statement}"
        )
        kept = Baseline(sensor.name, ADAPTED, digest, None, rests_on, warnings, at_us)
        write_baseline(state, number, kept, made.model, found)
        done = learnt(record, number, warnings, at_us)
        write_record(state, sensor.name, done)
        return done

    def _survey(self, record: Commissioning) -> tuple[Surveyed, ...]:
        labels = (*NORMAL, SHADOW_LABEL) if SHADOW_TOO in record.wished else NORMAL
        learner = self.learner
        return survey(learner.state_folder, learner.captures, learner.sensor, labels, LEAST_S)
