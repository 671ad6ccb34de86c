"""`edge-runtime backup` and `restore`: a dead card loses nothing that was learnt."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli.asking import PACKAGED
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

    with _acting_as_owner(read.state_folder):
        contents = take_up(read, folder)
    typer.echo(f"{contents.site}/{contents.device}: restored, and sealed with this device's own key")


@contextlib.contextmanager
def _acting_as_owner(state_folder: Path) -> Iterator[None]:
    """Be the state folder's owner where root asks: what root wrote the service could not change."""
    owner = state_folder.stat() if state_folder.is_dir() else None
    if os.geteuid() or owner is None or not owner.st_uid:
        yield
        return
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
