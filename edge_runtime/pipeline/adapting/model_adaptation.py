"""A model to another machine of the kind it was made for, from that machine's normal vibration: `adapt`.

Mean and scale of the features become the machine's own; how features vary together stays as it was shipped.
The threshold is new, too: every fifth of the windows in turn is scored by what the other four fifths give,
and the threshold is the bound on a further stretch that these five support.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import QUIET_SHARE
from edge_runtime.calibration import (
    conditions_threshold,
    distances,
    drift,
    normal_statistics,
    towering,
)
from edge_runtime.core import Adaptation, Calibration, DataError, Golden, Samples
from edge_runtime.models import Artefact, Graph, Standardisation
from edge_runtime.pipeline.adapting.usable_windows import UsableWindows, usable_windows

LEAST: Final = 20
"""Fewest windows that do not overlap. A judgement: vendors of devices that learn by themselves ask for 20 to
50 (STMicroelectronics, NanoEdge AI Studio, wiki.st.com); with 20, four are in each fifth."""
_CONFIDENCE: Final = 0.99
"""Of the bound. A judgement: with 95 % 0.45 % of the windows of another load of CWRU exceed it, with this
none does, and of the ceiling fan's faulty windows 7 % more are missed."""
STRETCHES: Final = 5
"""Parts that are held out in turn. Measured: with four to five no normal window of another load of CWRU
exceeds, with ten, of which the largest scores are of fewer windows each, 0.7 % do."""
MOST_DRIFT: Final = 1.0
"""In standard deviations from the first third of the windows to the last. Measured: steady machines, CWRU's
in 2 s and the ceiling fan in 20 to 60 s, come to 0.84; faults of CWRU that begin after a third to 1.7 and
more."""
MOST_TOWERING: Final = 0.05
"""Share of the windows; more of them are how the machine is, or a fault that has begun. A judgement: a knock
is in two windows, of which there are 40 at least."""
_GOLDEN: Final = 8
_GOLDEN_BYTES: Final = 192 * 1024
"""Golden windows, and their bytes at most: as the trainer writes them."""
_QUANTILES: Final = (0.5, 0.9, 0.99, 1.0)
_SHARE: Final = 1e-3
"""A deviation below this share of the model's own counts as this: a feature that hardly moved while it was
learnt shall not decide alone."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Learnt:
    """Windows to learn from with their features, and what is to be said of them."""

    windows: Samples
    vectors: Floats
    """[n, features]"""
    towering: int
    warnings: tuple[str, ...]


def adapt(
    artefact: Artefact, recordings: Sequence[str], created: str, accept: Collection[str] = ()
) -> Adaptation:
    """Adapt a model to the machine that `recordings` are of, in good order; `created` is the time, RFC 3339.

    Recordings are files as for `usable_windows`. `accept` names what is not to refuse, of `core.ACCEPTABLE`.
    Raises ArtefactError for a model that cannot be adapted; DataError for recordings that do not fit it, that
    are too short, or that are not of one steady machine.
    """
    standardisation = Standardisation(artefact)
    usable = usable_windows(recordings, artefact.manifest)
    _check_enough(usable, artefact)
    learnt = _screened(usable, standardisation.features(usable.windows), accept)
    mean, per_deviation = _statistics(learnt.vectors, standardisation)
    shift = float(distances(mean[np.newaxis], standardisation.mean, standardisation.per_deviation)[0])
    warnings = (*learnt.warnings, *_shifted(shift, standardisation.reach, accept))
    threshold, calibration = _calibrated(learnt, standardisation, usable)
    manifest = artefact.manifest
    return Adaptation(
        base=artefact.graph.digest,
        name=manifest.name,
        created=created,
        rate_hz=manifest.rate_hz,
        channels=manifest.channels,
        unit=manifest.unit,
        serial=usable.serial,
        mean=tuple(mean.tolist()),
        per_deviation=tuple(per_deviation.tolist()),
        threshold=threshold,
        calibration=calibration,
        windows=len(learnt.windows),
        unusable=usable.unusable,
        towering=learnt.towering,
        seconds=usable.seconds,
        shift=shift,
        warnings=warnings,
        golden=_golden(standardisation.graph(mean, per_deviation), learnt.windows),
    )


def _check_enough(usable: UsableWindows, artefact: Artefact) -> None:
    manifest = artefact.manifest
    needed = int(np.ceil(LEAST / usable.independent))
    if (missing := needed - len(usable.windows)) <= 0:
        return
    left_out = f"; {usable.unusable} were not ({usable.trouble})" if usable.unusable else ""
    raise DataError(
        f"{len(usable.windows)} usable windows, and {needed} are needed{left_out}",
        where="adapt",
        remedy=f"Record {missing} windows more of the running machine, "
        f"{missing * manifest.hop / manifest.rate_hz:.3g} s",
    )


def _screened(usable: UsableWindows, vectors: Floats, accept: Collection[str]) -> _Learnt:
    """Leave out windows that tower over the rest; refuse what is no steady machine."""
    odd = towering(vectors)
    warnings = list(usable.damaged)
    if odd.mean() > MOST_TOWERING and "towering" not in accept:
        raise DataError(
            f"{int(odd.sum())} of {len(odd)} windows are unlike the others: the machine did not run steadily",
            where="adapt",
            remedy="Record it while it runs in one state, or give --accept towering where it is so by nature",
        )
    if odd.any() and "towering" not in accept:
        warnings.append(f"{int(odd.sum())} of {len(odd)} windows are unlike the others and were left out")
    keep = ~odd if "towering" not in accept else np.ones(len(odd), np.bool_)
    moved = drift(vectors[keep], usable.independent)
    if moved > MOST_DRIFT:
        what = f"the vibration drifted by {moved:.2g} standard deviations from the first windows to the last"
        if "drift" not in accept:
            remedy = "Record it warm and steady, look for a fault that grows, or give --accept drift"
            raise DataError(what, where="adapt", remedy=remedy)
        warnings.append(what)
    if usable.level < QUIET_SHARE:
        warnings.append(
            f"this machine is at {usable.level:.2g} of the level of the model's own: check that it runs, and "
            "that the sensor sits firmly"
        )
    return _Learnt(usable.windows[keep], vectors[keep], int((~keep).sum()), tuple(warnings))


def _statistics(vectors: Floats, own: Standardisation) -> tuple[Floats, Floats]:
    """Mean and reciprocal deviations of vectors [n, features], in numbers that single precision holds."""
    found = normal_statistics(vectors)
    least = _SHARE / np.maximum(own.per_deviation, 1e-30)
    # A feature that never moved keeps the model's own scale.
    deviation = np.where(found.deviation > 0, np.maximum(found.deviation, least), least / _SHARE)
    return found.mean.astype(np.float32).astype(np.float64), (1 / deviation).astype(np.float32).astype(
        np.float64
    )


def _shifted(shift: float, reach: float, accept: Collection[str]) -> tuple[str, ...]:
    """Refuse, or where that is accepted warn of, a machine further from the model's usual than all it learnt
    from.

    Measured with models of one load of CWRU as `trainer fit` writes them: the other loads come to 0.6 of that
    reach, 95 % of the faults to more than 1.1.
    """
    if shift <= reach:
        return ()
    what = (
        f"the vibration lies {shift / max(reach, 1e-30):.2g} times as far from the model's usual as any "
        "window that it learnt from"
    )
    if "shift" not in accept:
        raise DataError(
            f"{what}: a fault, another speed, or no machine of its kind",
            where="adapt",
            remedy="Look at the machine; where it is in good order give --accept shift, or learn afresh",
        )
    return (f"{what}; if that is a fault, it is learnt",)


def _calibrated(learnt: _Learnt, own: Standardisation, usable: UsableWindows) -> tuple[float, Calibration]:
    """The threshold, from scores of each stretch by mean and scale of the others; and what supports it."""
    held = {}
    for number, part in enumerate(np.array_split(np.arange(len(learnt.windows)), STRETCHES), 1):
        rest = np.delete(learnt.vectors, part, axis=0)
        held[f"stretch {number}"] = own.graph(*_statistics(rest, own)).score(learnt.windows[part])
    worth = {name: len(scores) * usable.independent for name, scores in held.items()}
    found = conditions_threshold(held, None, _CONFIDENCE, effective=worth)
    statement = (
        f"At most {found.rate:.3g} of the windows of a further stretch exceed it, with {_CONFIDENCE:.0%} "
        f"confidence, if it differs from the {STRETCHES} stretches of {len(learnt.windows)} windows in "
        f"{usable.seconds:.3g} s as these do from each other. Adapted to this machine: no state that it was "
        "not in was tried"
    )
    scores = np.concatenate(list(held.values()))
    return found.value, Calibration(
        method=found.method,
        false_alarm_rate=found.rate,
        supported=found.supported,
        statement=statement,
        windows=found.windows,
        conditions=("this machine",),
        quantiles={f"{p:g}": float(np.quantile(scores, p)) for p in _QUANTILES},
    )


def _golden(graph: Graph, windows: Samples) -> tuple[Golden, ...]:
    """Windows over the whole range of scores."""
    scores = graph.score(windows)
    room = max(1, min(_GOLDEN, _GOLDEN_BYTES // windows[0].nbytes))
    chosen = np.argsort(scores, kind="stable")[np.linspace(0, len(scores) - 1, room).round().astype(int)]
    return tuple(Golden(windows[index], graph.score_one(windows[index])) for index in chosen)
