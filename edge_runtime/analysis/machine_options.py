"""Options that say what a command's machine is, of both programs: `takes_machine`."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from edge_runtime.analysis.diagnosis import Machine


def machine_of_options(
    *,
    speed_hz: Annotated[
        float | None, typer.Option(min=0.1, max=1000, help="Turns of the shaft in a second, within 5 %.")
    ] = None,
    speed_range_hz: Annotated[
        tuple[float, float] | None, typer.Option(metavar="LOW HIGH", help="Or between which speeds it turns.")
    ] = None,
    bearing: Annotated[
        str,
        typer.Option(
            metavar="NAME|N,d,D[,DEGREES]|RATIOS",
            help="6205; rolling elements, their diameter, the pitch diameter, the contact angle; or "
            "FTF=,BPFO=,BPFI=,BSF=.",
        ),
    ] = "",
    gear_teeth: Annotated[int | None, typer.Option(min=5, max=1000, help="Of the gear on the shaft.")] = None,
    mains_hz: Annotated[float | None, typer.Option(min=10, max=400, help="Of the motor's supply.")] = None,
    group: Annotated[str, typer.Option(help="large (above 300 kW) or medium, for ISO 20816-3.")] = "",
    support: Annotated[str, typer.Option(help="rigid or flexible, for ISO 20816-3.")] = "",
) -> "Machine":
    """Make a machine of them. Raises ConfigError that names the option."""
    from edge_runtime.analysis.diagnosis import stated_machine  # noqa: PLC0415  when the command runs

    return stated_machine(
        speed_hz=speed_hz,
        speed_range_hz=speed_range_hz,
        bearing=bearing,
        gear_teeth=gear_teeth,
        mains_hz=mains_hz,
        group=group,
        support=support,
    )


def takes_machine(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options in place of its `machine`, which it gets made of them."""
    own, options = inspect.signature(command), inspect.signature(machine_of_options)
    kept = [parameter for parameter in own.parameters.values() if parameter.name != "machine"]

    def with_machine(*words: Any, **given: Any) -> None:
        stated = {name: given.pop(name) for name in options.parameters}
        command(*words, machine=machine_of_options(**stated), **given)

    parameters = [*kept, *options.parameters.values()]
    with_machine.__name__, with_machine.__doc__ = command.__name__, command.__doc__
    with_machine.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    with_machine.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # PEP 362
    return with_machine
