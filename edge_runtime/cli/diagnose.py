"""The command `diagnose`: which part of a bearing knocks in a recording, which lines have a name."""

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_runtime.cli.asking import AsJson
from edge_runtime.core import ConfigError, printable

if TYPE_CHECKING:
    from edge_runtime.analysis.diagnosis import Machine, VibrationDiagnosis
    from edge_runtime.pipeline.diagnosing import ChannelDiagnosis


def diagnose(
    recording: Annotated[
        str, typer.Argument(metavar="RECORDING", help=".frames, .npz or .csv; @FROM-TO for a part.")
    ],
    *,
    speed_hz: Annotated[
        float | None, typer.Option(min=0.1, max=1000, help="Turns of the shaft in a second, within 5 %.")
    ] = None,
    speed_range_hz: Annotated[
        tuple[float, float] | None, typer.Option(metavar="LOW HIGH", help="Or between which speeds it turns.")
    ] = None,
    speed_reading: Annotated[
        str, typer.Option(metavar="NAME", help="Or the reading in a capture that says it, in Hz or rpm.")
    ] = "",
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
    as_json: AsJson = False,
) -> None:
    """Say in the words of the trade what a recording holds, or why that cannot be said."""
    from edge_runtime.analysis.diagnosis import MachineGroup, Support
    from edge_runtime.pipeline.diagnosing import diagnose_recording

    if bool(group) != bool(support):
        raise ConfigError("a zone takes both", where="--group, --support", remedy="Give both, or neither")
    machine = dataclasses.replace(
        _stated(speed_hz, speed_range_hz, bearing),
        group=MachineGroup(_one_of(group, tuple(MachineGroup), "--group")) if group else None,
        support=Support(_one_of(support, tuple(Support), "--support")) if support else None,
        gear_teeth=gear_teeth,
        mains_hz=mains_hz,
    )
    for said in diagnose_recording(recording, machine, speed_reading):
        typer.echo(json.dumps(_as_object(said)) if as_json else _as_text(said))


def _as_object(said: "ChannelDiagnosis") -> dict[str, Any]:
    found = said.diagnosis
    fields: dict[str, Any] = {"begin_s": said.begin_s, "channel": said.channel, "words": said.words}
    if found is None:
        return fields | {"indicators": None}
    figures = dataclasses.asdict(found.indicators)
    speed = None if found.speed is None else dataclasses.asdict(found.speed)
    return fields | {
        "indicators": {name: None if math.isnan(value) else value for name, value in figures.items()},
        "zone": found.zone,
        "fault": None if found.bearing.fault is None else dataclasses.asdict(found.bearing.fault),
        "speed": speed,
        "lines": list(map(dataclasses.asdict, found.lines)),
        "not_named": list(map(dataclasses.asdict, found.unnamed)),
    }


def _as_text(said: "ChannelDiagnosis") -> str:
    at = f"{said.begin_s:8.1f} s  {printable(said.channel, 40)}"
    if said.diagnosis is None:
        return f"{at}: {said.words}"
    return "\n            ".join([f"{at}: {_figures(said.diagnosis)}; {said.words}", *_lines(said.diagnosis)])


def _figures(found: "VibrationDiagnosis") -> str:
    figures = found.indicators
    mm_s = figures.velocity_mm_s
    velocity = "velocity not known" if math.isnan(mm_s) else f"{mm_s:.2f} mm/s"
    severity = f" (zone {found.zone} of ISO 20816-3, a screening)" if found.zone else ""
    return (
        f"{velocity}{severity}, {figures.rms:.3g} m/s2, peak {figures.peak:.3g}, crest {figures.crest:.1f}, "
        f"kurtosis {figures.kurtosis:.1f}"
    )


def _lines(found: "VibrationDiagnosis") -> list[str]:
    named = [f"lines: {'; '.join(map(str, found.lines))}"] if found.lines else []
    return named + ([f"not named: {'; '.join(map(str, found.unnamed))}"] if found.unnamed else [])


def _one_of(text: str, known: tuple[str, ...], where: str) -> str:
    if text not in known:
        raise ConfigError(f"no {where[2:]} {text!r}", where=where, remedy=f"Choose one of {', '.join(known)}")
    return text


def _stated(speed_hz: float | None, speed_range_hz: tuple[float, float] | None, bearing: str) -> "Machine":
    from edge_runtime.analysis.diagnosis import BEARINGS, Machine

    try:
        Machine.stated(speed_range_hz=speed_range_hz)
    except ValueError as error:
        raise ConfigError(str(error), where="--speed-range-hz", remedy="Give it such as 20 30") from error
    try:
        return Machine.stated(speed_hz, speed_range_hz, bearing)
    except ValueError as error:
        remedy = f"Name one of {', '.join(BEARINGS)}, or give its geometry, such as 9,7.94,39.04"
        raise ConfigError(f"{bearing!r} is no bearing: {error}", where="--bearing", remedy=remedy) from error
