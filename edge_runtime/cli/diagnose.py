"""The command `diagnose`: which part of a bearing knocks in a recording, which lines have a name."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from edge_runtime.analysis import takes_machine
from edge_runtime.cli.asking import AsJson
from edge_runtime.core import printable

if TYPE_CHECKING:
    from edge_runtime.analysis.diagnosis import Machine


@takes_machine
def diagnose(
    recording: Annotated[
        str, typer.Argument(metavar="RECORDING", help=".frames, .npz or .csv; @FROM-TO for a part.")
    ],
    *,
    machine: "Machine",
    speed_reading: Annotated[
        str, typer.Option(metavar="NAME", help="Or the reading in a capture that says it, in Hz or rpm.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Say in the words of the trade what a recording holds, or why that cannot be said."""
    from edge_runtime.analysis.diagnosis import as_members, in_words
    from edge_runtime.pipeline.diagnosing import diagnose_recording

    for said in diagnose_recording(recording, machine, speed_reading):
        at = f"{said.begin_s:8.1f} s  {printable(said.channel, 40)}"
        found = said.diagnosis
        if as_json:
            known = {"words": said.words, "indicators": None} if found is None else as_members(found)
            typer.echo(json.dumps({"begin_s": said.begin_s, "channel": said.channel} | known))
        else:
            lines = [said.words] if found is None else in_words(found)
            typer.echo("\n            ".join([f"{at}: {lines[0]}", *lines[1:]]))
