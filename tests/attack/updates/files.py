"""Attacks by files: sticks with other things, damaged and endless models, links, FIFOs."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.attack.updates.lab import Case, Lab, bound, kind

Variants = Iterator[tuple[str, Callable[[Case], object]]]
WRONG_FILE = "not the file that is signed"
LISTS = ("timestamp", "snapshot", "targets")


@kind(WRONG_FILE)
def truncated_target(lab: Lab) -> Variants:
    size = len(lab.second)
    for length in sorted({0, 1, 2, size // 2, size - 1, *range(7, size, size // 12)}):
        yield f"{length} bytes", bound(lambda case, n: os.truncate(case.target_file(), n), length)


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
        yield name, bound(lambda case, name: case.target_file().write_bytes(getattr(lab, name)), name)


@kind("larger than it may be")
def endless_target(lab: Lab) -> Variants:
    for size in (len(lab.second) + 1, 10**6, 10**8, 10**10):
        yield f"{size} bytes", bound(lambda case, n: os.truncate(case.target_file(), n), size)


@kind("is not there|there is no repository")
def missing(lab: Lab) -> Variants:
    for role in LISTS:
        yield role, bound(lambda case, role: case.file_of(role).unlink(), role)
    yield "target", lambda case: case.target_file().unlink()
    yield "all lists", lambda case: list(map(Path.unlink, case.metadata.iterdir()))
    yield "folder of targets", lambda case: shutil.rmtree(case.stick / "targets")
    yield "everything", lambda case: shutil.rmtree(case.stick)


def place(case: Case, name: str) -> Path:
    """The file of a list or of the model, or a folder of the stick."""
    if "/" in name:
        return case.stick / name
    return case.target_file() if name == "target" else case.file_of(name)


@kind("is a link|is not a regular file|is not there|cannot be fetched")
def symbolic_links(lab: Lab) -> Variants:
    """A link reads whatever the device may read; a farm of them never ends."""

    def link(case: Case, name: str, to: str) -> None:
        file = place(case, name)
        kept = case.folder / "kept"
        file.rename(kept)
        file.symlink_to({"kept": str(kept), "itself": file.name, "farm": "l0"}.get(to, to))
        if to == "farm":
            for number in range(200):
                (file.parent / f"l{number}").symlink_to(f"l{number + 1}")

    for role in LISTS:
        for to in ("kept", "/etc/passwd", "itself", "farm", "/dev/zero"):
            yield f"{role} to {to}", partial(link, name=role, to=to)
    for to in ("kept", "/dev/zero", "itself"):
        yield f"target to {to}", partial(link, name="target", to=to)
    yield "folder of targets", partial(link, name="targets/", to="kept")
    yield "a device's folder", partial(link, name="targets/plant/device", to="kept")


@kind("is not a regular file|cannot be fetched|No such device")
def no_regular_files(lab: Lab) -> Variants:
    """A FIFO waits for a writer, a device never ends."""

    def become(case: Case, name: str, what: str) -> None:
        file = place(case, name)
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
                partial(become, name=role, what=what),
            )
        yield f"target {what}", partial(become, name="target", what=what)
    yield "root FIFO", lambda case: os.mkfifo(case.metadata / "2.root.json")
    yield "root folder", lambda case: (case.metadata / "2.root.json").mkdir()
    yield "timestamp socket", partial(become, name="timestamp", what="socket")


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
