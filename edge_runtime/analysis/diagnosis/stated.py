"""What a person writes of a machine, with errors that say what and the remedy: `stated_machine`."""

from dataclasses import replace

from edge_runtime.analysis.diagnosis.bearing import BEARINGS
from edge_runtime.analysis.diagnosis.machine import Machine
from edge_runtime.analysis.diagnosis.severity import MachineGroup, Support
from edge_runtime.core import ConfigError


def stated_machine(
    *,
    speed_hz: float | None = None,
    speed_range_hz: tuple[float, float] | None = None,
    bearing: str = "",
    gear_teeth: int | None = None,
    mains_hz: float | None = None,
    group: str = "",
    support: str = "",
) -> Machine:
    """Make a machine of the options of a command. Raises ConfigError that names the option."""
    if bool(group) != bool(support):
        raise ConfigError("a zone takes both", where="--group, --support", remedy="Give both, or neither")
    try:
        Machine.stated(speed_range_hz=speed_range_hz)
    except ValueError as error:
        raise ConfigError(str(error), where="--speed-range-hz", remedy="Give it such as 20 30") from error
    try:
        machine = Machine.stated(speed_hz, speed_range_hz, bearing, gear_teeth, mains_hz)
    except ValueError as error:
        remedy = f"Name one of {', '.join(BEARINGS)}, or give its geometry, such as 9,7.94,39.04"
        raise ConfigError(f"{bearing!r} is no bearing: {error}", where="--bearing", remedy=remedy) from error
    return replace(
        machine,
        group=MachineGroup(_one_of(group, tuple(MachineGroup), "--group")) if group else None,
        support=Support(_one_of(support, tuple(Support), "--support")) if support else None,
    )


def _one_of(text: str, known: tuple[str, ...], where: str) -> str:
    if text not in known:
        raise ConfigError(f"no {where[2:]} {text!r}", where=where, remedy=f"Choose one of {', '.join(known)}")
    return text
