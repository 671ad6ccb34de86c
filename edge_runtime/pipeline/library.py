"""What `import edge_runtime` offers beside the rooms' own names: the product's steps on arrays and files.

A notebook gives paths as text, samples as lists, arrays or tables, and leaves out what the model states.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from edge_runtime import models
from edge_runtime.core import (
    Adaptation,
    AlarmPolicy,
    DataError,
    Fault,
    Frame,
    Hello,
    Note,
    Reading,
    Samples,
    Verdict,
)
from edge_runtime.models import Artefact, Scores
from edge_runtime.pipeline import Watch, replay_capture
from edge_runtime.pipeline import replay as replay_signal
from edge_runtime.pipeline.adapting import adapt as adapt_model
from edge_runtime.sensors import (
    Signal,
    SimulatedSensor,
    check_sendable,
    is_capture,
    read_part,
    signal_frames,
    signal_hello,
)
from edge_runtime.sensors.protocols import (
    DEFAULT_PROTOCOL,
    PROTOCOLS,
    LineFormat,
    encode_data,
    new_decoder,
)

FilePath = str | PathLike[str]


def load_model(path: FilePath, threads: int = 1, adapted: FilePath | None = None) -> Artefact:
    """Open a model file and verify it by its golden windows; `adapted` is a file that `adapt` wrote for it.

    Raises ArtefactError for a missing, foreign or damaged file, and for another model's adaptation.
    """
    return models.load_model(Path(path), threads, None if adapted is None else Path(adapted))


def adapt(
    model: Artefact, recordings: Sequence[FilePath], path: FilePath, *, accept: Collection[str] = ()
) -> Adaptation:
    """Adapt a model to the machine that `recordings` are of, in good order, and write that to `path`.

    `accept` names what is not to refuse: drift, shift, towering. Raises ArtefactError for a model that cannot
    be adapted, DataError for recordings that are too short, of another sensor, or not of one steady machine.
    """
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = adapt_model(model, [str(recording) for recording in recordings], created, accept)
    models.write_adaptation(found, Path(path))
    return found


def read_recording(path: FilePath) -> Signal:
    """Read a .npz or .csv recording; `pump.npz@2-4` reads its seconds 2 to 4.

    Raises DataError for a file that is missing, of another format, or not numbers.
    """
    return read_part(str(path))


def score(model: Artefact, samples: ArrayLike) -> Scores:
    """Score samples in the model's unit: one float32 a window, higher is more anomalous.

    `samples` [samples, channels], or [samples] of one channel, are cut into windows as the service cuts them;
    [windows, samples, channels] are scored as they are. Raises DataError for any other shape.
    """
    manifest = model.manifest
    length, channels = manifest.samples, len(manifest.channels)
    given = _numbers(samples)
    if given.ndim == 3:
        windows = given
    else:
        signal = _columns(given, channels)
        if len(signal) < length:
            raise DataError(
                f"{len(signal)} samples, one window needs {length}", where="score", remedy="Give more samples"
            )
        cut = np.lib.stride_tricks.sliding_window_view(signal, length, axis=0)[:: manifest.hop]
        windows = cut.transpose(0, 2, 1)
    if windows.shape[1:] != (length, channels):
        raise DataError(
            f"windows of {windows.shape[1]} samples x {windows.shape[2]} channels",
            where="score",
            remedy=f"The model takes windows of {length} x {channels}",
        )
    return model.graph.score(windows)


def replay(
    model: Artefact,
    recording: Signal | FilePath | ArrayLike,
    *,
    threshold: float | None = None,
    policy: AlarmPolicy | None = None,
) -> Iterator[Verdict]:
    """Return the verdicts of the service on a recording, in order; times count from its start.

    `recording` is a file, which may be a capture (.frames), what `read_recording` gave, or samples [samples,
    channels] at the model's rate and in its unit. `threshold` and `policy` replace the model's. Raises
    DataError where the recording and the model disagree on rate, channels, unit or length.
    """
    watch = Watch.of(model, threshold, policy)
    if isinstance(recording, (str, PathLike)):
        if is_capture(str(recording)):
            return (item.verdict for item in replay_capture(str(recording), watch))
        signal = read_recording(recording)
    elif isinstance(recording, Signal):
        signal = recording
    else:
        manifest = model.manifest
        samples = _columns(_numbers(recording), len(manifest.channels))
        signal = Signal(samples, manifest.rate_hz, manifest.channels, manifest.unit)
    return (item.verdict for item in replay_signal(signal, watch))


def decode_frames(
    data: bytes | Iterable[bytes],
    protocol: str = DEFAULT_PROTOCOL,
    *,
    channels: int = 1,
    rate_hz: float = 1000.0,
    scale: float = 1.0,
) -> Iterator[Frame | Hello | Note | Reading | Fault]:
    """Decode what a sensor sent into frames, statements and faults; bad bytes never raise.

    `data` is one run of bytes, or several in the order of their arrival. `channels`, `rate_hz` and `scale`
    are for protocols whose line does not carry them, such as `lines`. Raises DataError for a protocol that
    there is not.
    """
    if protocol not in PROTOCOLS:
        raise DataError(f"no protocol {protocol!r}", remedy=f"Choose one of {', '.join(PROTOCOLS)}")
    decoder = new_decoder(protocol, LineFormat(channels, rate_hz, scale))
    parts = (bytes(data),) if isinstance(data, (bytes, bytearray, memoryview)) else data
    return (item for part in parts for item in decoder.feed(part))


def encode_frames(recording: Signal) -> bytes:
    """Encode a recording as a simulated sensor would send it: a hello, then its frames of float32.

    Raises DataError for a recording whose rate or channels no frame can state.
    """
    check_sendable(recording)
    sensor = SimulatedSensor()
    frames = (encode_data(frame, sensor.sample_format) for frame in signal_frames(recording, sensor))
    return b"".join((signal_hello(recording, sensor), *frames))


def _numbers(samples: ArrayLike) -> Samples:
    try:
        with np.errstate(over="ignore"):  # what no float32 holds becomes infinite, and is a sensor fault
            return np.asarray(samples, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"the samples are not an array of numbers ({error})", remedy="Give rows of one number a channel"
        ) from error


def _columns(given: Samples, channels: int) -> Samples:
    if given.ndim not in (1, 2) or given.reshape(len(given), -1).shape[1] != channels:
        raise DataError(
            f"samples of shape {given.shape}",
            remedy=f"The model takes {channels} channel{'s'[: channels - 1]}: give [samples, {channels}]",
        )
    return np.ascontiguousarray(given.reshape(len(given), channels))
