"""Detectors side by side, as a table."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from trainer import fitting
from trainer.comparison import Bars, rank_detectors, trial_folds, try_all
from trainer.recordings import Data, as_recordings, check_accepted, check_recordings, check_together

Row = dict[str, Any]


def compare(
    data: Data,
    detectors: Sequence[str] = (),
    *,
    rate_hz: float | None = None,
    channels: Sequence[str] | None = None,
    unit: str = "g",
    samples: int = 1024,
    hop: int | None = None,
    seed: int = 0,
    augment: str = "auto",
    train_on: str = "unseen",
    accept: Sequence[str] = (),
    power: bool = True,
    processes: int = 1,
    progress: Bars = lambda _detector, _share, _what: None,
) -> list[Row]:
    """Try detectors on operating conditions left out of their fits: one row each, the recommended one first.

    `data` as for `fit`. All detectors are tried where none are named. With `power` it is tried which
    faults each would hear, and the recommendation rests on that, else on the labels. The rows are
    dictionaries with the same keys, as `pandas.DataFrame` takes them; shares of windows are those of the
    worst condition and the mean over conditions, NaN where there was nothing to count. Raises
    ChoiceError, RecordingError and FitError.
    """
    check_accepted(accept)
    orders = fitting.orders(
        ",".join(detectors), samples=samples, hop=hop, seed=seed, augment=augment, power=power
    )
    orders = [replace(order, accept=tuple(accept)) for order in orders]
    given = as_recordings(data, rate_hz=rate_hz, channels=channels, unit=unit)
    check_together(given)
    findings = check_recordings(given, accept)
    trial_folds(given, train_on)  # too few conditions should not cost the fits
    found = rank_detectors(train_on, try_all(given, orders, train_on, processes, progress), findings)
    rows: list[Row] = []
    for ranked in found.ranking:
        row = asdict(ranked)
        last = {name: row.pop(name) for name in ("unseen_fault_kinds", "refused")}
        unseen = row.pop("unseen_condition") or {}
        rows.append(
            {"detector": "", "recommended": ranked.detector == found.recommended} | row | unseen | last
        )
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name, math.nan) for name in names} for row in rows]  # a refused one has no figures
