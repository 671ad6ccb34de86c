"""Captures taken away to a stick: whole, proved, gone on with, and never over somebody else's file."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from edge_runtime.core import AccessError, DataError, UnavailableError
from edge_runtime.gateway.recording.copying import copy_captures
from tests.edge.disks import mount_tmpfs
from tests.edge.recorded import captures_of


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "captures"
    for sensor in ("fan", "pump"):
        (folder / sensor).mkdir(parents=True)
        for part in range(3):
            (folder / sensor / f"20261126T10000{part}Z.frames").write_bytes(os.urandom(200_000 + part))
    return folder


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


def same(source: Path, stick: Path) -> bool:
    names = [path.relative_to(source) for path in captures_of(source)]
    return all((source / name).read_bytes() == (stick / name).read_bytes() for name in names)


def proved(stick: Path) -> bool:
    """Whether the sums that lie beside are those of the files, by the system's own tool."""
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=stick, check=False)
    return done.returncode == 0


def test_everything_arrives_once(source: Path, stick: Path) -> None:
    said: list[str] = []
    done = copy_captures(source, stick, say=said.append)
    assert (done.files, done.there) == (6, 0)
    assert same(source, stick)
    assert proved(stick)
    assert len(said) == 6
    again = copy_captures(source, stick)
    assert (again.files, again.bytes, again.there) == (0, 0, 6)
    assert sorted(path.suffix for path in stick.rglob("*") if path.is_file()) == ["", *[".frames"] * 6]


def test_a_sensor_with_any_name_goes_to_any_stick(tmp_path: Path, stick: Path) -> None:
    folder = tmp_path / "captures" / 'Pumpe "3": links'
    folder.mkdir(parents=True)
    (folder / "a.frames").write_bytes(b"x")
    copy_captures(tmp_path / "captures", stick)
    (copied,) = captures_of(stick)
    assert not set(copied.parent.name) & set('"<>:/\\|?* ')
    assert proved(stick)


def test_of_one_sensor(source: Path, stick: Path) -> None:
    assert copy_captures(source, stick, "fan").files == 3
    assert copy_captures(source, stick, "pump").files == 3
    assert proved(stick)
    assert len((stick / "SHA256SUMS").read_text().splitlines()) == 6


@pytest.mark.parametrize("whole", [True, False])
def test_it_goes_on_where_it_stopped(source: Path, stick: Path, whole: bool) -> None:
    first = captures_of(source)[0]
    partial = stick / first.relative_to(source).with_name(f"{first.name}.partial")
    partial.parent.mkdir()
    data = first.read_bytes()[:150_000]
    partial.write_bytes(data if whole else data[:-1] + bytes([data[-1] ^ 1]))
    done = copy_captures(source, stick)
    assert same(source, stick)
    total = sum(path.stat().st_size for path in captures_of(source))
    assert done.bytes == total - (150_000 if whole else 0), "what was damaged is copied again"


def test_one_that_still_grows_is_gone_on_with(source: Path, stick: Path) -> None:
    copy_captures(source, stick)
    grown = captures_of(source)[2]
    with grown.open("ab") as file:
        file.write(os.urandom(5000))
    done = copy_captures(source, stick)
    assert (done.files, done.bytes, done.there) == (1, 5000, 5)
    assert same(source, stick)
    assert proved(stick)


def test_another_file_of_that_name_stays(source: Path, stick: Path) -> None:
    first = captures_of(source)[0].relative_to(source)
    (stick / first).parent.mkdir()
    (stick / first).write_bytes(b"something else")
    with pytest.raises(DataError, match="another file has this name") as refusal:
        copy_captures(source, stick)
    assert refusal.value.remedy
    assert (stick / first).read_bytes() == b"something else"


def test_a_stick_that_is_too_small_or_gone(source: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    unmount = mount_tmpfs(small, "300k")
    try:
        with pytest.raises(UnavailableError, match=r"take 1 MB, and 0 MB are free"):
            copy_captures(source, small)
        assert list(small.iterdir()) == []
    finally:
        unmount()
    with pytest.raises(DataError, match="no such folder"):
        copy_captures(source, tmp_path / "none")
    with pytest.raises(UnavailableError, match="No such file"):
        copy_captures(tmp_path / "nothing", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no captures are there"):
        copy_captures(tmp_path / "empty", tmp_path)


def test_a_stick_that_fills_up_on_the_way_is_gone_on_with(source: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    unmount = mount_tmpfs(disk, "1400k")
    try:
        stone = disk / "stone"

        def fill_up(_text: str) -> None:  # another program writes to it meanwhile
            if not stone.exists():
                stone.write_bytes(b"x" * 500_000)

        with pytest.raises(UnavailableError, match=r"No space left on device after \d of 6") as refusal:
            copy_captures(source, disk, say=fill_up)
        assert "run it again" in refusal.value.remedy
        assert all(path.read_bytes() for path in captures_of(disk)), "what has its name is whole"
        stone.unlink()
        copy_captures(source, disk)
        assert same(source, disk)
        assert proved(disk)
    finally:
        unmount()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to be refused")
def test_who_may_not_read_them_is_told_so() -> None:
    with tempfile.TemporaryDirectory() as name:
        source, stick = Path(name) / "captures", Path(name) / "stick"
        for folder in (source, stick):
            folder.mkdir()
        (source / "pump").mkdir()
        (source / "pump" / "a.frames").write_bytes(b"x")
        Path(name).chmod(0o755)
        (source / "pump").chmod(0o700)
        stick.chmod(0o777)
        try:
            os.seteuid(65534)
            with pytest.raises(AccessError) as refusal:
                copy_captures(source, stick)
        finally:
            os.seteuid(0)
    assert "sudo" in refusal.value.remedy
