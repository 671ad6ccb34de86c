"""Samples of a device that knows no frames, put into steadyhum frames: `Framer`. Pure.

Recording, evidence, doctor and pipeline then treat it as every other sensor: its hello says who it is, and
what is missing is in its frames.
"""

from typing import Final

import numpy as np

from edge_runtime.core import Frame, Hello, Samples
from edge_runtime.sensors.protocols import MAX_BODY, SampleFormat, encode_data, encode_hello

HELLO_S: Final = 4.0
"""Seconds of vibration between two hellos, as protocol.md asks of every sensor."""
_OVERHEAD: Final = 40
"""Bytes of a frame's body beside its samples: a header of 36 and a checksum of 4, see protocols/frames.py."""
_SAMPLE_BYTES: Final = 4
"""Of float32."""
_SEQUENCES: Final = 2**32
_OVERRUNS: Final = 2**16
"""Sequence numbers and overruns wrap here, as a frame carries them."""


class Framer:
    """Makes the frames of one opening of a device. Their times count samples, lost ones too, from 0."""

    def __init__(self, hello: Hello, rate_hz: float) -> None:
        """`hello` is what the device is; `rate_hz` what it samples at.

        Raises ValueError for a hello that frames cannot carry.
        """
        self.hello, self._rate_hz = hello, rate_hz
        self._said = encode_hello(hello)
        self._most = (MAX_BODY - _OVERHEAD) // (_SAMPLE_BYTES * len(hello.channels))
        self._sequence = self._taken = 0
        self._hello_at = 0
        """The sample before which it is said next."""
        self.lost = 0
        """Samples that are missing, by all that is known."""

    @property
    def time_us(self) -> int:
        """Of the next sample, microseconds."""
        return round(self._taken * 1e6 / self._rate_hz)

    def lose(self, samples: int) -> None:
        """Count samples that are missing before what comes next; they are a gap for whoever reads on."""
        self.lost += samples
        self._taken += samples

    def frames(self, samples: Samples) -> bytes:
        """Encode samples [count, channels], in the hello's unit."""
        encoded = b""
        for at in range(0, len(samples), self._most):
            part = np.ascontiguousarray(samples[at : at + self._most], np.float32)
            if self._taken >= self._hello_at:
                encoded += self._said
                self._hello_at = self._taken + round(HELLO_S * self._rate_hz)
            frame = Frame(
                self.hello.sensor_id,
                self.hello.boot_id,
                self._sequence,
                self.time_us,
                self._rate_hz,
                1.0,
                self.lost % _OVERRUNS,
                part,
            )
            encoded += encode_data(frame, SampleFormat.FLOAT32)
            self._sequence = (self._sequence + 1) % _SEQUENCES
            self._taken += len(part)
        return encoded
