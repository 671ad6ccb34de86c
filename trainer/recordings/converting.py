"""From a file's values to samples as detectors see them: checked, resampled, limited, digested, put down."""

import hashlib
from collections.abc import Iterator

import numpy as np

from edge_runtime.core import Samples
from trainer.recordings.as_recorded import look_at_blocks
from trainer.recordings.cache import Kept
from trainer.recordings.listing import ListRow
from trainer.recordings.raw_values import RawValues
from trainer.recordings.recorded_values import check_values, convert_values
from trainer.recordings.spill_file import SpillFile, StoredSamples


def converted(
    row: ListRow, values: RawValues, rate_hz: float, where: str, spill_file: SpillFile | None
) -> tuple[Kept, Samples | StoredSamples]:
    """Check one stretch, resample, filter and put it down: what is known of it, and its samples.

    Raises RecordingError for what is no vibration; without a spill file the samples stay in memory.
    """
    check_values(values, row.channels, where)
    digest = hashlib.sha256()

    def digested(blocks: Iterator[Samples]) -> Iterator[Samples]:
        for block in blocks:
            digest.update(block.data.cast("B"))
            yield block

    blocks = digested(convert_values(values, rate_hz, row, where))
    target_hz = row.target_rate_hz or rate_hz
    stored: Samples | StoredSamples
    if spill_file is None:
        stored = np.concatenate(list(blocks))
    else:
        stored = spill_file.put_blocks(blocks, int(len(values) * target_hz / rate_hz) + 1, values.columns)
    kept = Kept(
        begin_s=0.0,
        rate_hz=target_hz,
        channels=row.channels,
        unit=row.unit,
        stretches=1,
        digest=digest.hexdigest(),
        recorded=look_at_blocks(values.blocks(), rate_hz),
        samples=np.empty((0, 0), np.float32),
    )
    return kept, stored
