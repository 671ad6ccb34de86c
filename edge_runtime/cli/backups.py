"""`edge-runtime backup` and `restore`: a dead card loses nothing that was learnt."""

from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli.asking import PACKAGED, acting_as_owner
from edge_runtime.configuration import read_config

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder, such as one on a stick.")]
ConfigFile = Annotated[Path, typer.Option("--config", metavar="FILE", help="The site's TOML file.")]


def backup(folder: Folder, config: ConfigFile = PACKAGED) -> None:
    """Save what was learnt here, and the open alarms; no keys. The service may run."""
    from edge_runtime.gateway import save

    contents = save(read_config(config), folder)
    typer.echo(f"{contents.site}/{contents.device}: {len(contents.files)} files in {folder}")


def restore(folder: Folder, config: ConfigFile = PACKAGED) -> None:
    """Take up a backup of this device on a new card, before its service starts."""
    read = read_config(config)
    from edge_runtime.gateway import restore as take_up

    with acting_as_owner(read.state_folder):
        contents = take_up(read, folder)
    typer.echo(f"{contents.site}/{contents.device}: restored, and sealed with this device's own key")
