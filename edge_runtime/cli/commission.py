"""`edge-runtime commission`: let a sensor learn a model of its own, and say how far it is."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from edge_runtime.cli.asking import AsJson, DoorConfig, DoorSocket, connect
from edge_runtime.core import printable


class Verb(StrEnum):
    """What to do."""

    STATUS = "status"
    LEARN = "learn"
    ADAPT = "adapt"
    ACCEPT = "accept"
    ARM = "arm"
    RETIRE = "retire"
    AFTER_REPAIR = "after-repair"


def commission(
    sensor: Annotated[str, typer.Argument(help="Its name in the configuration.")],
    verb: Annotated[Verb, typer.Argument(help="What to do.")] = Verb.STATUS,
    note: Annotated[str, typer.Option(help="Kept with your name in the sensor's record.")] = "",
    with_shadow: Annotated[
        bool, typer.Option("--with-shadow", help="learn, adapt: also from what spoke against arming.")
    ] = False,
    accept: Annotated[
        str, typer.Option(help="learn, adapt: checks that are not to refuse, with commas.")
    ] = "",
    baseline: Annotated[
        int, typer.Option(min=0, help="accept: number of a kept model, if not the offer.")
    ] = 0,
    config: DoorConfig = None,
    door: DoorSocket = None,
    as_json: AsJson = False,
) -> None:
    """Let a sensor learn its machine: learn, adapt, accept, arm, retire, after-repair; say how it stands."""
    params: dict[str, Any] = {"sensor": sensor}
    if verb is not Verb.STATUS:
        params["note"] = note
    if verb in (Verb.LEARN, Verb.ADAPT):
        params |= {"with_shadow": with_shadow, "accept": accept}
    elif verb is Verb.ACCEPT:
        params["model"] = baseline
    with connect(config, door) as client:
        said = client.call(f"commission.{verb}", **params)
    if as_json:
        typer.echo(json.dumps(said))
        return
    lines = [f"{said['sensor']}: {said['stage']}"]
    if said["model"]:
        lines.append(f"model {said['model']} of {said['kept']}, {said['rests_on'] or 'not in use yet'}")
    if (learner := said["learner"]) is not None:
        lines.append(f"the learner is at work: {learner['share']:.0%} {learner['step']}")
    if said["windows"]:
        watched = f"{said['watched_s']:.0f} s, {said['windows']} windows"
        lines.append(f"watched for {watched}: {said['exceeded']} exceeded, {said['alarms']} anomalies")
    lines += [said[name] for name in ("problem", "asks") if said[name]]
    lines += [f"{item['time']}  {item['who'] or '-'}  {item['what']}" for item in said["history"]]
    for line in lines:
        typer.echo(printable(line, 1000))
