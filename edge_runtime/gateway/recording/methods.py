"""What people ask of recordings through the door: begin, see, end, list."""

from dataclasses import dataclass

from edge_runtime.door import Access, Asker, Method
from edge_runtime.gateway.recording.job import Order
from edge_runtime.gateway.recording.recordings import Recordings
from edge_runtime.gateway.recording.views import View


@dataclass(frozen=True, slots=True)
class SensorParams:
    """Which sensor."""

    sensor: str


@dataclass(frozen=True, slots=True)
class SelectParams:
    """Which sensors."""

    sensor: str = ""
    """Empty for all of them."""


def recording_methods(recordings: Recordings) -> list[Method]:
    """What can be asked of these recordings."""

    def start(params: Order, asker: Asker) -> View:
        return recordings.begin(params, str(asker))

    def stop(params: SensorParams, asker: Asker) -> View:
        return recordings.cancel(params.sensor, str(asker))

    def status(params: SelectParams, _asker: Asker) -> list[View]:
        return recordings.status(params.sensor)

    def listed(params: SelectParams, _asker: Asker) -> list[View]:
        return recordings.captures(params.sensor)

    say = "Say how the latest recording of each sensor stands, and what its sensor gives."
    return [
        Method("recording.start", Access.CHANGE, "Begin to record a sensor.", Order, start),
        Method(
            "recording.stop", Access.CHANGE, "End a recording; what was recorded stays.", SensorParams, stop
        ),
        Method("recording.status", Access.READ, say, SelectParams, status),
        Method("recording.list", Access.READ, "Show the captures that there are.", SelectParams, listed),
    ]
