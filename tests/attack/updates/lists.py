"""Attacks on the signed lists: rollback, freeze, mix-and-match, keys, endless data (TUF, section 1.5.2)."""

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tuf.api.metadata import MetaFile

from tests.attack.updates.lab import Case, Lab, bound, kind

Variants = Iterator[tuple[str, Callable[[Case], object]]]
ROLES = ("timestamp", "snapshot", "targets")
NOT_SIGNED, OLD, EXPIRED = "not signed by enough", "older than what was seen|was seen here", "has expired"
DAMAGED = "not the file that is signed|cannot be understood|not signed by enough|larger"


def set_version(number: int) -> Callable[[Any], object]:
    return lambda signed: setattr(signed, "version", number)


def set_end(days: float) -> Callable[[Any], object]:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    return lambda signed: setattr(signed, "expires", now - dt.timedelta(days=days))


@kind(OLD)
def rollback_timestamp(lab: Lab) -> Variants:
    for number in range(1, 5):
        yield f"version {number}", bound(lambda case, n: case.change("timestamp", set_version(n)), number)
    yield "the whole of yesterday's stick, renumbered", lambda case: _old_stick(lab, case)


def _old_stick(lab: Lab, case: Case) -> None:
    shutil.copytree(lab.early / "repository", case.stick, dirs_exist_ok=True)
    case.change("timestamp", set_version(1))


@kind(OLD)
def rollback_snapshot(lab: Lab) -> Variants:
    def older(case: Case, number: int) -> None:
        case.change("snapshot", set_version(number))
        data = case.file_of("snapshot").read_bytes()
        meta = MetaFile.from_data(number, data, ["sha256"])
        (case.metadata / f"{number}.snapshot.json").write_bytes(data)
        case.change("timestamp", lambda signed: setattr(signed, "snapshot_meta", meta))

    for number in range(1, 5):
        yield f"version {number}", partial(older, number=number)


@kind(OLD)
def rollback_targets(lab: Lab) -> Variants:
    def older(case: Case) -> None:
        case.change("targets", set_version(1), name="1.targets.json")
        data = (case.metadata / "1.targets.json").read_bytes()
        meta = {"targets.json": MetaFile.from_data(1, data, ["sha256"])}
        case.change("snapshot", lambda signed: signed.meta.update(meta))
        data = case.file_of("snapshot").read_bytes()
        version = int(case.file_of("snapshot").name.partition(".")[0])
        meta_above = MetaFile.from_data(version, data, ["sha256"])
        case.change("timestamp", lambda signed: setattr(signed, "snapshot_meta", meta_above))

    yield "version 1", older


@kind(OLD)
def rollback_after_damage(lab: Lab) -> Variants:
    """The library's own memory is gone, as a power cut may leave it: ours is kept apart."""

    def forgotten(case: Case, how: str) -> None:
        for path in [*case.places.metadata.glob("*.json"), *case.places.metadata.glob("*/*.json")]:
            if how == "gone":
                path.unlink()
            elif path.exists() and not path.is_symlink():
                path.write_bytes(b"" if how == "empty" else path.read_bytes()[:100])
        case.change("timestamp", set_version(1))

    for how in ("gone", "empty", "torn"):
        yield how, partial(forgotten, how=how)


def _expire(role: str) -> Variants:
    for days in (0.01, 1, 30, 365, 4015):

        def expire(case: Case, days: float = days) -> None:
            case.change(role, set_end(days))
            if role != "timestamp":
                case.name_again()

        yield f"{days} days ago", expire


@kind(EXPIRED)
def freeze(lab: Lab) -> Variants:
    yield from _expire("timestamp")


@kind(EXPIRED)
def expired_snapshot(lab: Lab) -> Variants:
    yield from _expire("snapshot")


@kind(EXPIRED)
def expired_targets(lab: Lab) -> Variants:
    yield from _expire("targets")


@kind(EXPIRED)
def expired_root(lab: Lab) -> Variants:
    for days in (0.01, 1, 365, 4015):

        def expire(case: Case, days: float = days) -> None:
            def edit(signed: Any) -> None:
                set_end(days)(signed)
                signed.version = 2

            case.change("root", edit, "root-1", "root-2", name="2.root.json")

        yield f"{days} days ago", expire


@kind("not the file that is signed")
def mix_and_match(lab: Lab) -> Variants:
    def other(case: Case, role: str, days: float) -> None:
        case.change(role, set_end(-days))

    for role in ("snapshot", "targets"):
        for days in (1, 2, 3, 400):
            yield f"{role} of another time, {days}", partial(other, role=role, days=days)


@kind("not the file that is signed|older")
def mix_versions(lab: Lab) -> Variants:
    """Another version's bytes under the name that is asked for."""

    def swapped(case: Case, role: str) -> None:
        newest = case.file_of(role)
        number = int(newest.name.partition(".")[0])
        shutil.copy(case.metadata / f"{number - 1}.{role}.json", newest)

    for role in ("snapshot", "targets"):
        yield role, partial(swapped, role=role)


def name_above(case: Case, role: str, number: int) -> None:
    """Name what is there by its number alone, as the specification allows, so that the signature decides."""
    if role == "targets":
        case.change("snapshot", lambda signed: signed.meta.update({"targets.json": MetaFile(number)}))
        role, number = "snapshot", int(case.file_of("snapshot").name.partition(".")[0])
    case.change("timestamp", lambda signed: setattr(signed, "snapshot_meta", MetaFile(number)))


@kind("larger than it may be|not the file")
def endless_lists(lab: Lab) -> Variants:
    """Each list grown to 100 MB, of blanks and of zeros that take no room on the disk."""
    for role in ROLES:
        for size in (20_000_000, 100_000_000):

            def grow(case: Case, role: str = role, size: int = size) -> None:
                os.truncate(case.file_of(role), size)

            yield f"{role} of {size} bytes", grow

    def root(case: Case) -> None:
        (case.metadata / "2.root.json").write_bytes(b" ")
        os.truncate(case.metadata / "2.root.json", 100_000_000)

    yield "root", root


@kind("larger than it may be")
def endless_targets(lab: Lab) -> Variants:
    """More models than any plant has, well signed."""

    def many(case: Case, models: int) -> None:
        def edit(signed: Any) -> None:
            (target,) = [each for name, each in signed.targets.items() if "second" in name]
            for number in range(models):
                signed.targets[f"plant/device/other/pump/{number}.onnx"] = target

        case.change("targets", edit)
        name_above(case, "targets", int(case.file_of("targets").name.partition(".")[0]))

    yield "20,000", partial(many, models=20_000)
    yield "100,000", partial(many, models=100_000)


@kind(DAMAGED)
def truncated_lists(lab: Lab) -> Variants:
    for role in ROLES:
        for share in (0.0, 0.01, 0.3, 0.9, 0.999):

            def cut(case: Case, role: str = role, share: float = share) -> None:
                file = case.file_of(role)
                os.truncate(file, int(file.stat().st_size * share))

            yield f"{role} {share}", cut


@kind(DAMAGED)
def flipped_lists(lab: Lab) -> Variants:
    for role in ROLES:
        for n in range(12):

            def flip(case: Case, role: str = role, n: int = n) -> None:
                file = case.file_of(role)
                data = bytearray(file.read_bytes())
                data[(n * len(data)) // 12 + n] ^= 1
                file.write_bytes(data)

            yield f"{role} at {n}/12", flip


@kind(DAMAGED)
def foreign_json(lab: Lab) -> Variants:
    """What breaks readers of JSON."""
    texts = {
        "deep": b"[" * 8000,
        "deep objects": b'{"a":' * 3000,
        "not a number": b'{"signed": NaN, "signatures": []}',
        "no text": b"\xff\xfe\x00",
        "digits": b'{"signed": {"version": ' + b"9" * 8000 + b"}}",
        "a list": b"[]",
        "nothing": b"null",
        "signed is text": b'{"signed": "x", "signatures": []}',
        "signatures are text": b'{"signed": {"_type": "timestamp"}, "signatures": "x"}',
        "a key twice": b'{"signed": {}, "signed": {}, "signatures": []}',
    }
    for name, data in texts.items():
        yield name, bound(lambda case, data: case.file_of("timestamp").write_bytes(data), data)
