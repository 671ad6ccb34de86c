"""The command `diagnose`: which part of a bearing knocks in a recording, which lines have a name."""

import json
from typing import Annotated

import typer

from edge_runtime.cli.asking import AsJson
from edge_runtime.core import printable


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
    from edge_runtime.analysis.diagnosis import as_members, in_words, stated_machine
    from edge_runtime.pipeline.diagnosing import diagnose_recording

    machine = stated_machine(
        speed_hz=speed_hz,
        speed_range_hz=speed_range_hz,
        bearing=bearing,
        gear_teeth=gear_teeth,
        mains_hz=mains_hz,
        group=group,
        support=support,
    )
    for said in diagnose_recording(recording, machine, speed_reading):
        at = f"{said.begin_s:8.1f} s  {printable(said.channel, 40)}"
        found = said.diagnosis
        if as_json:
            known = {"words": said.words, "indicators": None} if found is None else as_members(found)
            typer.echo(json.dumps({"begin_s": said.begin_s, "channel": said.channel} | known))
        else:
            lines = [said.words] if found is None else in_words(found)
            typer.echo("\n            ".join([f"{at}: {lines[0]}", *lines[1:]]))
