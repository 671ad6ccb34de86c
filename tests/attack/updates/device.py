"""Attacks on the device itself: its clock, its folder, what it trusts first."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from edge_runtime.core.errors import EdgeError
from edge_runtime.gateway.preparation import prepare
from edge_runtime.gateway.updates.places import CURRENT, MODEL, STATEMENT
from edge_runtime.gateway.updates.trust import look
from edge_runtime.gateway.updates.ways import FolderWay
from tests.attack.updates.lab import Case, Lab, bound, kind

Variants = Iterator[tuple[str, Callable[[Case], object]]]


@kind("the clock says")
def clocks(lab: Lab) -> Variants:
    """A clock of 1970 for which nothing has expired, or one that was set back."""
    now_s = time.time()
    for name, at_s in {
        "1970": 0.0,
        "a day after": 86400.0,
        "2000": 946684800.0,
        "the day before the build": 1_767_225_600 - 86400.0,
        "two days ago": now_s - 2 * 86400,
        "a month ago": now_s - 30 * 86400,
        "negative": -1.0,
    }.items():

        def at(case: Case, at_s: float = at_s) -> str:
            try:
                look(case.places, case.folder / "trusted.json", FolderWay(case.stick), at_s)
            except EdgeError as error:
                return f"refused: {error}"
            return "new: it looked"

        yield name, at


def flip(_case: Case, folder: Path) -> None:
    data = bytearray((folder / MODEL).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / MODEL).write_bytes(data)


def another(case: Case, folder: Path) -> None:
    (folder / MODEL).write_bytes(case.target_file().read_bytes())
    folder.rename(folder.with_name(case.runs()))


def as_another(case: Case, folder: Path) -> None:
    digest = hashlib.sha256(case.target_file().read_bytes()).hexdigest()
    shutil.copytree(folder, folder.with_name(digest))
    (folder.with_name(digest) / MODEL).write_bytes(case.target_file().read_bytes())
    case.places.sensor("pump").link(CURRENT, digest)


def of_the_fan(case: Case, folder: Path) -> None:
    text = (folder / STATEMENT).read_text()
    (folder / STATEMENT).write_text(text.replace('"pump"', '"fan"'))


def fifo(_case: Case, folder: Path) -> None:
    (folder / STATEMENT).unlink()
    os.mkfifo(folder / STATEMENT)


@kind("fell back: .*")
def changed_here(lab: Lab) -> Variants:
    """What was taken up is changed on the device's disk, by whoever cannot read its key."""

    def tampered(case: Case, change: Callable[[Case, Path], object]) -> str:
        folder = case.places.sensor("pump").model_folder(case.runs())
        change(case, folder)
        prepared = prepare(case.folder / "edge.toml")
        assert prepared.sensors[0].model.name == "rms", prepared
        return f"fell back: {prepared.not_taken_up['pump']}"

    changes: dict[str, Callable[[Case, Path], object]] = {
        "flipped": flip,
        "another model": another,
        "another model in a folder of its name": as_another,
        "for another sensor": of_the_fan,
        "no seal": lambda _case, folder: (folder / "SHA256SUMS.p7s").unlink(),
        "an empty seal": lambda _case, folder: (folder / "SHA256SUMS.p7s").write_bytes(b""),
        "no list": lambda _case, folder: (folder / "SHA256SUMS").unlink(),
        "no model": lambda _case, folder: (folder / MODEL).unlink(),
        "a torn model": lambda _case, folder: os.truncate(folder / MODEL, 100),
        "a torn statement": lambda _case, folder: os.truncate(folder / STATEMENT, 10),
        "no statement": lambda _case, folder: (folder / STATEMENT).unlink(),
        "no folder": lambda _case, folder: shutil.rmtree(folder),
        "a FIFO": fifo,
        "no key of the device": lambda case, _folder: shutil.rmtree(case.places.state_folder / "seal"),
    }
    for name, change in changes.items():
        yield name, partial(tampered, change=change)


@kind("ran the site's own")
def foreign_links(lab: Lab) -> Variants:
    """`current` names something that was never put there."""
    for to in (
        "../../../../rms.onnx",
        "/etc",
        "models/..",
        "models/x",
        "models/" + "0" * 63,
        "models//" + "0" * 64,
    ):

        def point(case: Case, to: str = to) -> str:
            link = case.places.sensor("pump").folder / CURRENT
            link.unlink()
            link.symlink_to(to)
            prepared = prepare(case.folder / "edge.toml")
            return "ran the site's own" if prepared.sensors[0].model.name == "rms" else "new: ran it"

        yield to, point


@kind("cannot be read|cannot be understood|not signed by enough")
def foreign_anchor(lab: Lab) -> Variants:
    """The root that the device is to trust first is none."""
    for name, data in {"empty": b"", "no list": b"{}", "large": b" " * 300_000}.items():
        yield name, bound(lambda case, data: (case.folder / "trusted.json").write_bytes(data), data)
    yield "gone", lambda case: (case.folder / "trusted.json").unlink()
