"""`edge-runtime alarms`: see what is open, and acknowledge, shelve or reset it."""

import json
from typing import Annotated, Any

import typer

from edge_runtime.cli.asking import AsJson, DoorConfig, DoorSocket, connect, seconds_of
from edge_runtime.core import printable

app = typer.Typer(
    name="alarms",
    help="Alarms of the running service: see those that are open, acknowledge, shelve, reset; judge them.",
    no_args_is_help=True,
)
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Of open alarms, as `list` shows them.")]
Note = Annotated[str, typer.Option("--note", help="Kept with your name in the alarm's record.")]


@app.command("list")
def list_(
    sensor: Annotated[str, typer.Option(help="Only this sensor's.")] = "",
    config: DoorConfig = None,
    door: DoorSocket = None,
    as_json: AsJson = False,
) -> None:
    """Show the alarms that are open, the oldest first."""
    with connect(config, door) as client:
        found = client.call("alarms.list", sensor=sensor)
    for alarm in found:
        typer.echo(json.dumps(alarm) if as_json else _line(alarm))
    if not (found or as_json):
        typer.echo("no alarm is open")


@app.command()
def acknowledge(
    ids: Ids, note: Note = "", config: DoorConfig = None, door: DoorSocket = None, as_json: AsJson = False
) -> None:
    """Say that you have seen an alarm."""
    _change("acknowledge", ids, config, door, as_json=as_json, note=note)


@app.command()
def shelve(
    ids: Ids,
    why: Annotated[str, typer.Option(help="The reason, kept in the alarm's record.")],
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="Such as 30m, 8h or 2d.")] = "8h",
    config: DoorConfig = None,
    door: DoorSocket = None,
    as_json: AsJson = False,
) -> None:
    """Put an alarm aside for a while; it comes back by itself."""
    _change("shelve", ids, config, door, as_json=as_json, why=why, for_s=seconds_of(for_, "--for"))


@app.command()
def unshelve(ids: Ids, config: DoorConfig = None, door: DoorSocket = None, as_json: AsJson = False) -> None:
    """Take an alarm back before its time."""
    _change("unshelve", ids, config, door, as_json=as_json)


@app.command()
def reset(
    ids: Ids, note: Note = "", config: DoorConfig = None, door: DoorSocket = None, as_json: AsJson = False
) -> None:
    """End a latched alarm whose cause is over."""
    _change("reset", ids, config, door, as_json=as_json, note=note)


@app.command()
def judge(
    alarm: Annotated[str, typer.Argument(metavar="ID", help="Of an alarm that is open, or has evidence.")],
    verity: Annotated[str, typer.Argument(metavar="VERITY", help="real, false or maintenance.")],
    note: Note = "",
    config: DoorConfig = None,
    door: DoorSocket = None,
    as_json: AsJson = False,
) -> None:
    """Say what an alarm was, also after its end: a false one becomes normal vibration to learn from."""
    with connect(config, door) as client:
        said = client.call("alarms.judge", alarm=alarm, verity=verity, note=note)
    line = f"{alarm}  judged {said['verity']} by {said['by']}  {said['evidence']} captures"
    typer.echo(json.dumps(said) if as_json else printable(line, 300))


def _change(verb: str, ids: list[str], config: Any, door: Any, *, as_json: bool, **params: object) -> None:
    with connect(config, door) as client:
        for alarm_id in ids:
            alarm = client.call(f"alarms.{verb}", alarm=alarm_id, **params)
            typer.echo(json.dumps(alarm) if as_json else _line(alarm))


def _line(alarm: dict[str, Any]) -> str:
    """One alarm in a line; whatever the service sends is shown and obeyed by no terminal."""
    score, threshold = alarm["score"], alarm["threshold"]
    parts = [str(alarm["id"]), str(alarm["sensor"]), str(alarm["kind"]), f"since {alarm['start_time']}"]
    if score is not None and threshold is not None:
        parts.append(f"score {score:.4g} of {threshold:.4g}")
    parts.append(str(alarm["reason"]))
    if alarm["acknowledged"]:
        parts.append(f"acknowledged by {alarm['acknowledged']['who']}")
    if alarm["shelved"]:
        shelved = alarm["shelved"]
        parts.append(f"shelved until {shelved['until']} by {shelved['who']}: {shelved['why']}")
    if alarm["suppressed"]:
        parts.append(f"suppressed: {alarm['suppressed']}")
    if alarm["latched"]:
        parts.append("latched" if alarm["active"] else "latched, waits for its reset")
    return "  ".join(printable(part, 300) for part in parts if part)
