"""Attacks on files, ways and places: sticks with other things, servers, clocks, the device's own folder."""

import hashlib
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from edge_runtime.core.errors import EdgeError
from edge_runtime.gateway.preparation import prepare
from edge_runtime.gateway.updates.places import CURRENT, MODEL, STATEMENT
from edge_runtime.gateway.updates.trust import look
from edge_runtime.gateway.updates.ways import FolderWay
from tests.attack.updates.lab import Case, Lab, kind

Variants = Iterator[tuple[str, Callable[[Case], object]]]
WRONG_FILE = "not the file that is signed"
LISTS = ("timestamp", "snapshot", "targets")


@kind(WRONG_FILE)
def truncated_target(lab: Lab) -> Variants:
    size = len(lab.second)
    for length in sorted({0, 1, 2, size // 2, size - 1, *range(7, size, size // 12)}):
        yield f"{length} bytes", lambda case, n=length: os.truncate(case.target_file(), n)


@kind(WRONG_FILE)
def flipped_target(lab: Lab) -> Variants:
    for n in range(20):

        def flip(case: Case, n: int = n) -> None:
            data = bytearray(lab.second)
            data[(n * len(data)) // 20] ^= 1 << (n % 8)
            case.target_file().write_bytes(data)

        yield f"at {n}/20", flip


@kind(WRONG_FILE)
def wrong_target(lab: Lab) -> Variants:
    """Another model that the plant signed, under this one's name."""
    for name in ("first", "other"):
        yield name, lambda case, name=name: case.target_file().write_bytes(getattr(lab, name))


@kind("larger than it may be")
def endless_target(lab: Lab) -> Variants:
    for size in (len(lab.second) + 1, 10**6, 10**8, 10**10):
        yield f"{size} bytes", lambda case, n=size: os.truncate(case.target_file(), n)


@kind("is not there|there is no repository")
def missing(lab: Lab) -> Variants:
    for role in LISTS:
        yield role, lambda case, role=role: case.file_of(role).unlink()
    yield "target", lambda case: case.target_file().unlink()
    yield "all lists", lambda case: [path.unlink() for path in case.metadata.iterdir()]
    yield "folder of targets", lambda case: shutil.rmtree(case.stick / "targets")
    yield "everything", lambda case: shutil.rmtree(case.stick)


@kind("is a link|is not a regular file|is not there|cannot be fetched")
def symbolic_links(lab: Lab) -> Variants:
    """A link reads whatever the device may read; a farm of them never ends."""

    def link(case: Case, path: Callable[[Case], Path], to: str) -> None:
        file = path(case)
        kept = case.folder / "kept"
        file.rename(kept)
        file.symlink_to({"kept": str(kept), "itself": file.name, "farm": "l0"}.get(to, to))
        if to == "farm":
            for number in range(200):
                (file.parent / f"l{number}").symlink_to(f"l{number + 1}")

    for role in LISTS:
        for to in ("kept", "/etc/passwd", "itself", "farm", "/dev/zero"):
            yield f"{role} to {to}", partial(link, path=lambda case, role=role: case.file_of(role), to=to)
    for to in ("kept", "/dev/zero", "itself"):
        yield f"target to {to}", partial(link, path=lambda case: case.target_file(), to=to)
    yield "folder of targets", partial(link, path=lambda case: case.stick / "targets", to="kept")
    yield "a device's folder", partial(link, path=lambda case: case.stick / "targets/plant/device", to="kept")


@kind("is not a regular file|cannot be fetched|No such device")
def no_regular_files(lab: Lab) -> Variants:
    """A FIFO waits for a writer, a device never ends."""

    def become(case: Case, path: Callable[[Case], Path], what: str) -> None:
        file = path(case)
        file.unlink()
        if what == "fifo":
            os.mkfifo(file)
        elif what == "folder":
            file.mkdir()
        elif what == "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                before = Path.cwd()
                os.chdir(file.parent)
                listener.bind(file.name)
                os.chdir(before)

    for what in ("fifo", "folder"):
        for role in LISTS:
            yield (
                f"{role} {what}",
                partial(become, path=lambda case, role=role: case.file_of(role), what=what),
            )
        yield f"target {what}", partial(become, path=lambda case: case.target_file(), what=what)
        yield (
            f"root {what}",
            lambda case, what=what: (
                os.mkfifo(case.metadata / "2.root.json")
                if what == "fifo"
                else (case.metadata / "2.root.json").mkdir()
            ),
        )
    yield "timestamp socket", partial(become, path=lambda case: case.file_of("timestamp"), what="socket")


@kind("there is no repository of models here")
def other_sticks(lab: Lab) -> Variants:
    def empty(case: Case) -> str:
        (case.folder / "stick").mkdir()
        return case.look(str(case.folder / "stick"))

    def full(case: Case) -> str:
        for number in range(2000):
            path = case.folder / "stick" / f"d{number % 40}" / f"IMG_{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        return case.look(str(case.folder / "stick"))

    def signed_before(case: Case) -> str:
        folder = case.folder / "stick"
        folder.mkdir()
        for name in ("rms.onnx", "SHA256SUMS", "SHA256SUMS.p7s"):
            (folder / name).write_bytes(b"0" * 64 + b"  rms.onnx\n")
        return case.look(str(folder))

    yield "empty", empty
    yield "full of pictures", full
    yield "a folder that was signed before", signed_before
    yield "no such folder", lambda case: case.look(str(case.folder / "none"))
    yield "a file", lambda case: case.look(str(case.folder / "edge.toml"))


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


@kind("fell back: .*")
def changed_here(lab: Lab) -> Variants:
    """What was taken up is changed on the device's disk, by whoever cannot read its key."""

    def tampered(case: Case, change: Callable[[Case, Path], object]) -> str:
        folder = case.places.sensor("pump").model_folder(case.runs())
        change(case, folder)
        prepared = prepare(case.folder / "edge.toml")
        assert prepared.sensors[0].model.name == "rms", prepared
        return f"fell back: {prepared.not_taken_up['pump']}"

    def flip(_case: Case, folder: Path) -> None:
        data = bytearray((folder / MODEL).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / MODEL).write_bytes(data)

    def another(case: Case, folder: Path) -> None:
        (folder / MODEL).write_bytes(lab.second)
        folder.rename(folder.with_name(lab.first_digest))

    def as_another(case: Case, folder: Path) -> None:
        digest = hashlib.sha256(lab.second).hexdigest()
        shutil.copytree(folder, folder.with_name(digest))
        (folder.with_name(digest) / MODEL).write_bytes(lab.second)
        case.places.sensor("pump").link(CURRENT, digest)

    def of_the_fan(case: Case, folder: Path) -> None:
        text = (folder / STATEMENT).read_text()
        (folder / STATEMENT).write_text(text.replace('"pump"', '"fan"'))

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
        "a FIFO": lambda _case, folder: [(folder / STATEMENT).unlink(), os.mkfifo(folder / STATEMENT)],
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
        yield name, lambda case, data=data: (case.folder / "trusted.json").write_bytes(data)
    yield "gone", lambda case: (case.folder / "trusted.json").unlink()
