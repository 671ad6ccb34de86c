"""The command `diagnose`: which part of a bearing knocks in a recording, and how bad the vibration is."""

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Annotated

import typer

from edge_runtime.cli.asking import AsJson
from edge_runtime.core import ConfigError

if TYPE_CHECKING:
    from edge_runtime.analysis.diagnosis import Bearing
    from edge_runtime.pipeline.diagnosing import ChannelDiagnosis


def diagnose(
    recording: Annotated[
        str, typer.Argument(metavar="RECORDING", help=".frames, .npz or .csv; @FROM-TO for a part.")
    ],
    speed_hz: Annotated[
        float | None, typer.Option(min=0.1, max=1000, help="Turns of the shaft in a second, within 5 %.")
    ] = None,
    bearing: Annotated[
        str,
        typer.Option(
            metavar="NAME|N,d,D[,DEGREES]",
            help="6205, or rolling elements, their diameter, the pitch diameter, the contact angle.",
        ),
    ] = "",
    group: Annotated[str, typer.Option(help="large (above 300 kW) or medium, for ISO 20816-3.")] = "",
    support: Annotated[str, typer.Option(help="rigid or flexible, for ISO 20816-3.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say in the words of the trade what a recording holds, or why that cannot be said."""
    from edge_runtime.analysis.diagnosis import MachineGroup, Support
    from edge_runtime.pipeline.diagnosing import Machine, diagnose_recording

    if bool(group) != bool(support):
        raise ConfigError("a zone takes both", where="--group, --support", remedy="Give both, or neither")
    machine = Machine(
        speed_hz,
        _bearing(bearing),
        MachineGroup(_one_of(group, tuple(MachineGroup), "--group")) if group else None,
        Support(_one_of(support, tuple(Support), "--support")) if support else None,
    )
    for said in diagnose_recording(recording, machine):
        typer.echo(_as_json(said) if as_json else _as_text(said))


def _as_json(said: "ChannelDiagnosis") -> str:
    fields = {**dataclasses.asdict(said), "zone": said.zone}
    if (figures := fields["indicators"]) is not None:
        fields["indicators"] = {name: None if math.isnan(value) else value for name, value in figures.items()}
    return json.dumps(fields)


def _as_text(said: "ChannelDiagnosis") -> str:
    at, found = f"{said.begin_s:8.1f} s  {said.channel}", said.indicators
    if found is None:
        return f"{at}: {said.diagnosis.words}"
    mm_s = found.velocity_mm_s
    velocity = "velocity not known" if math.isnan(mm_s) else f"{mm_s:.2f} mm/s"
    severity = f" (zone {said.zone} of ISO 20816-3, a screening)" if said.zone else ""
    return (
        f"{at}: {velocity}{severity}, {found.rms:.3g} m/s2, "
        f"crest {found.crest:.1f}, kurtosis {found.kurtosis:.1f}; {said.diagnosis.words}"
    )


def _one_of(text: str, known: tuple[str, ...], where: str) -> str:
    if text not in known:
        raise ConfigError(f"no {where[2:]} {text!r}", where=where, remedy=f"Choose one of {', '.join(known)}")
    return text


def _bearing(text: str) -> "Bearing | None":
    from edge_runtime.analysis.diagnosis import BEARINGS, bearing_of

    try:
        return bearing_of(text) if text else None
    except ValueError as error:
        remedy = f"Name one of {', '.join(BEARINGS)}, or give its geometry, such as 9,7.94,39.04"
        raise ConfigError(f"{text!r} is no bearing: {error}", where="--bearing", remedy=remedy) from error
