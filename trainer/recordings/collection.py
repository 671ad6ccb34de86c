"""What a caller gave as recordings: made into recordings where it is samples, and checked for agreement."""

from collections.abc import Mapping, Sequence
from typing import cast

from numpy.typing import ArrayLike

from trainer.core import RecordingError
from trainer.recordings.arrays import Columns, Table, recording_from_array, recordings_from_table
from trainer.recordings.recording import Recording

Data = Recording | Sequence[Recording] | ArrayLike | Table
"""What a fit, a comparison or an evaluation takes: recordings, or samples that one or several are made of."""


def as_recordings(
    data: Data,
    *,
    rate_hz: float | None,
    channels: Sequence[str] | None = None,
    unit: str = "g",
    lowpass_hz: float | None = None,
) -> tuple[Recording, ...]:
    """Return recordings as they are, those of a table by label and condition, and an array as a normal one.

    Raises RecordingError for samples without a rate, and for whatever no recording can be made of.
    """
    if isinstance(data, Recording):
        return (data,)
    if isinstance(data, Sequence) and all(isinstance(item, Recording) for item in data):
        return tuple(item for item in data if isinstance(item, Recording))
    if rate_hz is None:
        raise RecordingError(
            "samples without a sampling rate", where="array", remedy="Give rate_hz, or recordings"
        )
    if isinstance(data, (Columns, Mapping)):
        return recordings_from_table(
            data, rate_hz=rate_hz, channels=channels, unit=unit, lowpass_hz=lowpass_hz
        )
    samples = cast("ArrayLike", data)
    return (
        recording_from_array(samples, rate_hz=rate_hz, channels=channels, unit=unit, lowpass_hz=lowpass_hz),
    )


def check_together(recordings: Sequence[Recording]) -> None:
    """Refuse recordings that differ in rate, band, channels or unit, and an empty collection.

    Raises RecordingError, also where two hold the same samples.
    """
    if not recordings:
        raise RecordingError("no recordings", remedy="Give at least one of the healthy machine")
    first = recordings[0]
    seen: dict[str, Recording] = {}
    for other in recordings:
        for what in ("rate_hz", "lowpass_hz", "channels", "unit"):
            if getattr(other, what) != getattr(first, what):
                raise RecordingError(
                    f"{what} is {getattr(other, what)}, that of {first.name} is {getattr(first, what)}",
                    where=other.name,
                    remedy="Make them the same; target_rate_hz resamples and lowpass_hz filters",
                )
        if other.digest in seen:
            raise RecordingError(
                f"holds the very samples of {seen[other.digest].name}",
                where=other.name,
                remedy="One of the two is a copy; leave it out",
            )
        seen[other.digest] = other
