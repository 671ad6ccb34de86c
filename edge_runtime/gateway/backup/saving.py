"""Making a backup, while the service runs or not: `save`."""

import json
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge_runtime.book import kept_alarms
from edge_runtime.configuration import Config
from edge_runtime.core import VERSION, EdgeError, UnavailableError, printable, write_whole
from edge_runtime.door import DoorClient, candidates
from edge_runtime.gateway.backup.contents import (
    ALARMS,
    CAPTURES,
    CONTENTS,
    HISTORY,
    SEALED_BY,
    Contents,
    contents_to_json,
    digest_of_file,
)
from edge_runtime.gateway.history.files import copy_history
from edge_runtime.gateway.recording.recordings import captures_folder, captures_in
from edge_runtime.models import COMMISSIONING_FOLDER, seal_certificate
from edge_runtime.spool import Spool


def save(config: Config, target: Path) -> Contents:
    """Write a backup to `target`, in place of an earlier one there.

    The old one is whole until the new one is. Raises UnavailableError where it cannot be written, and what
    reading the book raises.
    """
    state = config.state_folder
    fresh = target.with_name(f"{target.name}-new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        if (state / COMMISSIONING_FOLDER).is_dir():
            shutil.copytree(state / COMMISSIONING_FOLDER, fresh / COMMISSIONING_FOLDER)
        with suppress(FileNotFoundError):
            shutil.copyfile(seal_certificate(state), fresh / SEALED_BY)
        write_whole(fresh / ALARMS, json.dumps(_book(config), indent=1).encode())
        write_whole(fresh / CAPTURES, json.dumps(captures_in(captures_folder(config)), indent=1).encode())
        no_history = _save_history(config, fresh / HISTORY)
        files = [path for path in sorted(fresh.rglob("*")) if path.is_file()]
        named = {path.relative_to(fresh).as_posix(): digest_of_file(path) for path in files}
        contents = Contents(
            config.site.site, config.site.device, time.time(), VERSION, named, no_history=no_history
        )
        write_whole(fresh / CONTENTS, contents_to_json(contents))
        before = target.with_name(f"{target.name}-old")
        shutil.rmtree(before, ignore_errors=True)
        if target.exists():
            target.rename(before)
        fresh.rename(target)
        shutil.rmtree(before, ignore_errors=True)
    except OSError as error:
        what = f"the backup cannot be written ({error.strerror or error})"
        raise UnavailableError(
            what, where=str(target), remedy="Give a folder on a stick that has room and is yours"
        ) from error
    return contents


def _save_history(config: Config, target: Path) -> str:
    """Copy the trends; return why they are not there: what was learnt is saved without them, too."""
    path = config.history.file(config.state_folder)
    try:
        if path.exists():
            copy_history(path, target)
    except (EdgeError, OSError) as error:
        for part in target.parent.glob(f"{HISTORY}*"):  # and a journal
            part.unlink()
        return printable(error, 300)
    return ""


def _book(config: Config) -> Iterable[Mapping[str, Any]]:
    """Every open alarm: of the running service, else of what it has left on disk."""
    try:
        client = DoorClient(*candidates(config.door, config.state_folder)[:1])
    except UnavailableError:
        with Spool.open(config.state_folder, config.spool) as spool:
            return kept_alarms(spool.open_alarms())
    with client:
        found: list[Mapping[str, Any]] = client.call("alarms.book")
        return found
