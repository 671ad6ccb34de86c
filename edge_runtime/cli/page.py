"""`edge-runtime page`: the technician's page, and the codes that let people in."""

import json
import os
from enum import StrEnum
from importlib.util import find_spec
from typing import Annotated

import typer

from edge_runtime.cli.asking import PACKAGED, AsJson, DoorConfig, DoorSocket, connect
from edge_runtime.cli.processes import become
from edge_runtime.configuration import read_config
from edge_runtime.core import ConfigError, UnavailableError, printable


class Verb(StrEnum):
    """What to do."""

    SERVE = "serve"
    CODE = "code"


def page(
    verb: Annotated[Verb, typer.Argument(help="Serve the page, or make a code.")] = Verb.SERVE,
    operate: Annotated[
        bool, typer.Option("--operate", help="code: for somebody who may also change something.")
    ] = False,
    config: DoorConfig = None,
    door: DoorSocket = None,
    as_json: AsJson = False,
) -> None:
    """Serve the page for browsers until asked to stop; with `code`, let one person in, once."""
    from edge_runtime.door import candidates
    from edge_runtime.page import Served

    path = config or PACKAGED
    if verb is Verb.SERVE:
        if find_spec("uvicorn") is None or find_spec("starlette") is None:
            what, remedy = (
                "the page's libraries are not installed",
                "Install them: pip install steadyhum[page]",
            )
            raise UnavailableError(what, remedy=remedy)
        read = read_config(path)
        sockets = (door,) if door is not None else candidates(read.door, read.state_folder)
        served = Served.of(read.page, sockets, path)
        served.check_certificate()
        become("edge_runtime.page.server", served.to_text())
    with connect(config, door) as client:
        if not any(method["name"] == "page.code" for method in client.about["methods"]):
            remedy = "Set `listen` in [page], and restart the service: systemctl restart edge-runtime"
            raise ConfigError("the service that runs knows of no page", where=str(path), remedy=remedy)
        said = client.call("page.code", role="operate" if operate else "view")
    if as_json:
        typer.echo(json.dumps(said))
        return
    text, minutes = printable(said["code"]), said["valid_s"] / 60
    typer.echo(f"{text}  for one person, who may {said['role']}, within {minutes:.0f} minutes")
    if path.is_file() and os.access(path, os.R_OK) and (settings := read_config(path).page).listen:
        typer.echo(f"{Served.of(settings, (), path).address}#code={text}")
