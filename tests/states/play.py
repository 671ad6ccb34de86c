"""Samples through the service's pipeline, as fast as it goes: what it says of state and alarms."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from edge_runtime.core import MachineState, Samples, Verdict
from edge_runtime.models import Artefact
from edge_runtime.pipeline import SensorPipeline, Watch
from edge_runtime.sensors import Signal, SimulatedSensor, signal_frames, signal_hello
from edge_runtime.sensors.protocols import DEFAULT_PROTOCOL, LineFormat, new_decoder


@dataclass(frozen=True, slots=True)
class Said:
    """What one window brought."""

    at_s: float
    """Seconds from the first sample to the window's last."""
    state: MachineState | None
    verdict: Verdict


class Player:
    """One sensor and its pipeline; what is played follows what was played before."""

    def __init__(self, artefact: Artefact, watch: Watch | None = None) -> None:
        """Watch by the model's manifest, or as `watch` says."""
        numbers = count(1)
        manifest = artefact.manifest
        line = LineFormat(len(manifest.channels), manifest.rate_hz)
        decoder = new_decoder(DEFAULT_PROTOCOL, line)
        self.pipeline = SensorPipeline(watch or Watch.of(artefact), decoder, lambda: f"alarm-{next(numbers)}")
        self._sensor, self._manifest = SimulatedSensor(), manifest
        self._sequence = self._samples = 0
        self.pipeline.feed(signal_hello(self._signal(manifest.golden[0].samples), self._sensor), 0.0)

    @property
    def now_s(self) -> float:
        """How much was played, seconds."""
        return self._samples / self._manifest.rate_hz

    def play(self, samples: Samples) -> Iterator[Said]:
        """Play samples [samples, channels]."""
        rate_hz = self._manifest.rate_hz
        start_us = round(self._samples * 1e6 / rate_hz)
        for frame in signal_frames(self._signal(samples), self._sensor, start_us):
            self._samples += len(frame.samples)
            data = self._sensor.encode(frame._replace(sequence=self._sequence))
            self._sequence += 1
            states = self.pipeline.states
            for verdict in self.pipeline.feed(data, self.now_s):
                yield Said(verdict.time_us / 1e6, None if states is None else states.machine_state, verdict)

    def _signal(self, samples: Samples) -> Signal:
        return Signal(samples, self._manifest.rate_hz, self._manifest.channels, self._manifest.unit)
