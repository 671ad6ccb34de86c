"""Giving a new card what the device had learnt: `restore`, while no service runs."""

import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edge_runtime.book import (
    Change,
    Commissioning,
    Doer,
    OpenAlarm,
    read_kept,
    restored,
    stored_entry,
)
from edge_runtime.configuration import Config
from edge_runtime.core import (
    CommissionError,
    ConfigError,
    DataError,
    Transition,
    UnavailableError,
    clock_doubt,
    sensor_folder_name,
)
from edge_runtime.gateway import clocks
from edge_runtime.gateway.backup.contents import (
    ALARMS,
    HISTORY,
    MAX_BYTES,
    SEALED_BY,
    Contents,
    read_contents,
)
from edge_runtime.gateway.history.keeping import JOURNAL
from edge_runtime.messages import Topics, event_message
from edge_runtime.models import COMMISSIONING_FOLDER, DIGESTS, check_signed, digest_of, seal_files
from edge_runtime.pipeline import read_record, write_record
from edge_runtime.spool import MessageClass, Spool
from edge_runtime.spool import OpenAlarm as StoredAlarm

_BY: Final = "restore"
"""Who says that an alarm goes on: the program of this name, by the word of whoever called it."""


def restore(config: Config, source: Path) -> Contents:
    """Take up a backup of this device: records, learnt models, open alarms and trends.

    Learnt models are checked with the certificate that they were sealed with, and sealed again with this
    device's own key. Raises BusyError where the service runs; DataError for a damaged backup; ConfigError
    for another device's; CommissionError where a sensor here has learnt something already.
    """
    contents = read_contents(source)
    there, here = (contents.site, contents.device), (config.site.site, config.site.device)
    if there != here:
        what = f"is a backup of {'/'.join(there)}, and this is {'/'.join(here)}"
        raise ConfigError(what, where=str(source), remedy="Give this device's own backup")
    state = config.state_folder
    with Spool.open(state, config.spool) as spool:  # holds the folder's lock: no service runs meanwhile
        saved = source / COMMISSIONING_FOLDER
        names = [each.name for each in config.sensor if (saved / sensor_folder_name(each.name)).is_dir()]
        for name in names:
            if read_record(state, name) != Commissioning():
                what = f"the sensor {name} has a commissioning here already"
                where = state / COMMISSIONING_FOLDER / sensor_folder_name(name)
                remedy = "Move that folder away first, if the backup is to count"
                raise CommissionError(what, where=str(where), remedy=remedy)
        for name in names:
            _restore_sensor(state, source, name)
        for key, alarm in _alarms(source):
            if key not in spool.open_alarms():
                _take_up(spool, config, key, alarm)
        if HISTORY in contents.files and (why := _restore_history(config, source / HISTORY)):
            contents = replace(contents, no_history=why)
    return contents


def _restore_history(config: Config, source: Path) -> str:
    """Take up the trends; return why not. Whole or not at all: the alarms and models are there already."""
    path = config.history.file(config.state_folder)
    if path.exists():
        return f"{path}: there is a history here already, and it stays"
    partial = path.with_name(f".{path.name}.partial")
    try:
        with source.open("rb") as old, partial.open("wb") as new:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())
        path.with_name(path.name + JOURNAL).unlink(missing_ok=True)  # SQLite would apply it
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        return f"{path} cannot be written ({error.strerror or error})"
    return ""


def _restore_sensor(state: Path, source: Path, sensor: str) -> None:
    """Learnt models first, the record last: cut off, the sensor is as if it had learnt nothing."""
    folder = sensor_folder_name(sensor)
    there, here = source / COMMISSIONING_FOLDER / folder, state / COMMISSIONING_FOLDER / folder
    record = read_record(source, sensor)
    try:
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir(parents=True)
        for path in sorted(there.iterdir()):
            if path.is_dir():
                for name in _sealed_files(path):
                    check_signed(path / name, digest_of(path / name), source / SEALED_BY)
                shutil.copytree(path, here / path.name)
                seal_files(here / path.name, _sealed_files(path), state)
            elif path.name.endswith(".json") and path.name != "record.json":
                shutil.copyfile(path, here / path.name)
        doer = Doer(_BY, time.time_ns() // 1000)
        write_record(state, sensor, restored(record, doer))
    except OSError as error:
        what, remedy = f"cannot be written ({error.strerror or error})", "See edge-runtime doctor"
        raise UnavailableError(what, where=str(here), remedy=remedy) from error


def _sealed_files(folder: Path) -> list[str]:
    lines = (folder / DIGESTS).read_text(encoding="utf-8").splitlines()
    return [line.partition(" ")[2].strip(" *") for line in lines]


def _alarms(source: Path) -> list[tuple[str, OpenAlarm]]:
    path = source / ALARMS
    try:
        read: Any = json.loads(path.read_bytes()[:MAX_BYTES])
        return [read_kept(entry) for entry in read]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        what = f"the open alarms cannot be read ({error})"
        raise DataError(what, where=str(path), remedy="Use another backup") from error


def _take_up(spool: Spool, config: Config, key: str, alarm: OpenAlarm) -> None:
    """Go on with an alarm in this spool's numbering; the service then ends it, or goes on with it."""
    now = clocks.now()
    went_on = replace(alarm, start_steady_us=None, boot="")  # another board's clocks
    elapsed_us = max(0, now.wall_us - alarm.start_us)
    change = Change(
        Transition.UPDATE,
        went_on,
        now,
        elapsed_us=elapsed_us,
        by=_BY,
        note="taken up from a backup",
        members=(alarm.sensor,),
    )
    topic = Topics(config.site.prefix, config.site.site, config.site.device).sensor(alarm.sensor, "event")
    clock_ok = not clock_doubt(now.wall_us / 1e6)
    spool.put(
        MessageClass.ALARM,
        topic,
        lambda seq, epoch: event_message(change, seq, epoch, clock_ok=clock_ok),
        StoredAlarm(key, stored_entry(went_on)),
    )
