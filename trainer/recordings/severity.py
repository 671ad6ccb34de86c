"""Vibration velocity against the zones of ISO 20816-3: a screening, no statement of compliance.

The standard judges RMS velocity from 10 to 1000 Hz on bearing housings by the machine's group and support.
Zone C is for a limited time only, in zone D the machine takes damage.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from trainer.recordings.labels import NORMAL
from trainer.recordings.problems import RecordingProblem
from trainer.recordings.recording import Recording
from trainer.recordings.spectral_lines import Floats

_ZONES: Final[Mapping[str, tuple[float, float]]] = {
    "1-rigid": (4.5, 7.1),
    "1-flexible": (7.1, 11.0),
    "2-rigid": (2.8, 4.5),
    "2-flexible": (4.5, 7.1),
}
"""Boundaries B/C and C/D, mm/s, by group and support: ISO 20816-3:2022, tables A.1 and A.2."""
_BAND_HZ: Final = (10.0, 1000.0)
_LEAST_RATE_HZ: Final = 2560.0
"""2.56 times the band's end, as analysers sample: below it the filter of the sensor is within the band."""
_SEGMENT_S: Final = 1.0
"""Lines of 1 Hz: the band's lower end is then ten lines away from the mean."""
_MM_PER_S2: Final[Mapping[str, float]] = {"g": 9806.65, "mg": 9.80665, "m/s2": 1000.0, "mm/s2": 1.0}
"""A unit of acceleration in mm/s2; standard gravity as in ISO 80000-3."""


def severe(recordings: Sequence[Recording], machine_group: str) -> Iterator[RecordingProblem]:
    """Recordings in zone C, which is said, and in zone D, which refuses.

    Nothing is judged without a group, in units that are none of acceleration, or at rates that end below.
    """
    zones = _ZONES.get(machine_group)
    for item in recordings:
        if zones is None or item.label != NORMAL or (speeds := channel_velocities(item)) is None:
            continue
        place = int(speeds.argmax())
        if speeds[place] > zones[0]:
            zone = "D" if speeds[place] > zones[1] else "C"
            said = "it takes damage" if zone == "D" else "it may run so for a limited time only"
            yield RecordingProblem(
                "severity",
                zone == "D",
                f"channel {item.channels[place]} vibrates at {speeds[place]:.2g} mm/s, zone {zone} of ISO "
                f"20816-3 for group {machine_group}: {said}",
                f"{item.condition}, {item.name}",
                "Have the machine looked at before this counts as normal",
            )


def channel_velocities(item: Recording) -> Floats | None:
    """RMS velocity of each channel from 10 to 1000 Hz, mm/s.

    None in units that are none of acceleration, below 2560 Hz and for less than a second.
    """
    scale = _MM_PER_S2.get(item.unit)
    if scale is None or item.rate_hz < _LEAST_RATE_HZ or item.duration_s < _SEGMENT_S:
        return None
    return velocity_mm_per_s(item.samples.astype(np.float64) * scale, item.rate_hz)


def velocity_mm_per_s(acceleration: Floats, rate_hz: float) -> Floats:
    """RMS velocity of each channel from 10 to 1000 Hz, mm/s, of acceleration [samples, channels] in mm/s2.

    By Parseval's theorem on tapered segments; integration divides each line by its angular frequency.
    """
    length = int(_SEGMENT_S * rate_hz)
    taper = np.hanning(length)[:, np.newaxis]
    hz = np.fft.rfftfreq(length, 1 / rate_hz)
    within = (hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1])
    power = np.zeros(acceleration.shape[1])
    starts = range(0, len(acceleration) - length + 1, max(1, length // 2))
    for start in starts:
        part = acceleration[start : start + length]
        lines = np.fft.rfft((part - part.mean(axis=0)) * taper, axis=0)[within]
        power += np.square(np.abs(lines) / (2 * np.pi * hz[within, np.newaxis])).sum(axis=0)
    # Two sides of the spectrum, the taper's power, and the segments.
    return np.asarray(np.sqrt(2 * power / (length * np.square(taper).sum()) / len(starts)))
