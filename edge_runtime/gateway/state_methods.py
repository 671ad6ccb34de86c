"""What the site says of a machine's operating state, through the door or by a command over MQTT."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from edge_runtime.core import AlarmCommandError, printable
from edge_runtime.door import Asker
from edge_runtime.gateway.sensor_station import Station

SAY_STATE: Final = "Say in which operating state a machine is; empty for nothing any more."


@dataclass(frozen=True, slots=True)
class StateParams:
    """Which sensor's machine, and what state it is in."""

    sensor: str
    state: str
    """One that its model learnt, or a condition of one, or `not_running`; empty for nothing any more."""


def state_method(stations: Iterable[Station]) -> Callable[[StateParams, Asker], dict[str, str]]:
    """The method that takes it; raises AlarmCommandError for an unknown sensor, as `Station.say_state`."""

    def say(params: StateParams, asker: Asker) -> dict[str, str]:
        named = {station.name: station for station in stations}
        if (station := named.get(params.sensor)) is None:
            what = f"no sensor of that name is watched: {printable(params.sensor)}"
            raise AlarmCommandError(what, remedy=f"Known here: {', '.join(named)}")
        station.say_state(params.state, str(asker))
        return {"sensor": params.sensor, "state": params.state}

    return say
