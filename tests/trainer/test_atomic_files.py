"""What commands write is whole or not there, and never takes the place of what they read."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.errors import AccessError, UnavailableError
from tests.processes import running
from tests.trainer.builders import noise
from trainer.core import atomic_files
from trainer.core.errors import ChoiceError
from trainer.recordings.conversion import convert_recordings

SAMPLE = Path(__file__).parents[1] / "data"
HEAD = "file,signal,label,condition,rate_hz,target_rate_hz,lowpass_hz,channels,unit\n"
MODEL = Path(__file__).parents[2] / "exported_models" / "gaussian.onnx"


def listed(folder: Path, *files: Any) -> Any:
    """Write a list of normal recordings, each at a condition of its own."""
    lines = (f"{file},,normal,day {number},12000,,,DE,g\n" for number, file in enumerate(files))
    (folder / "list.csv").write_text(HEAD + "".join(lines))
    return folder / "list.csv"


def given_up(path: Path, trouble: Any) -> None:
    with atomic_files.whole_file(path) as file:
        file.write(b"ne")
        raise trouble


def recorded(path: Path, seed: int) -> Any:
    path.parent.mkdir(exist_ok=True)
    np.savez(path, samples=noise(seed=seed))
    return path


def test_a_text_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    atomic_files.write_text(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("trouble", [ValueError, KeyboardInterrupt])
def test_what_is_given_up_half_way_leaves_the_older_file(tmp_path: Path, trouble: Any) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(trouble):
        given_up(path, trouble)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_pipe_is_written_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with running(["cat", pipe], stdout=subprocess.PIPE) as reader:
        atomic_files.write_text(pipe, "text")
        assert reader.communicate()[0] == "text"
    assert pipe.is_fifo()


def test_places_that_cannot_be_are_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="is a folder"):
        atomic_files.check_file(tmp_path)
    with pytest.raises(UnavailableError, match="no such folder"):
        atomic_files.check_file(tmp_path / "no" / "a")
    with pytest.raises(UnavailableError, match="is not a folder"):
        atomic_files.check_file(tmp_path / "file" / "a")
    with pytest.raises(UnavailableError, match="is not a folder"):
        atomic_files.make_folder(tmp_path / "file" / "a")
    with pytest.raises(ChoiceError, match="would be written over"):
        atomic_files.check_file(tmp_path / "file", tmp_path / "." / "file")
    atomic_files.check_file(tmp_path / "new", tmp_path / "file")
    atomic_files.make_folder(tmp_path / "one" / "two")
    assert (tmp_path / "one" / "two").is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for refused in (atomic_files.check_file, atomic_files.make_folder):
        with pytest.raises(AccessError, match="cannot be written to"):
            refused(tmp_path / "a")
    with pytest.raises(AccessError, match="Permission denied"):
        atomic_files.write_text(tmp_path / "a", "")


def test_every_command_says_where_it_cannot_write(
    tmp_path: Path, run: Callable[..., tuple[int | str | None, str, str]]
) -> None:
    (tmp_path / "file").write_text("")
    into, sample = tmp_path / "file" / "x", SAMPLE / "cwru.csv"
    for command in (
        ("recordings", "convert", sample, "-o", into),
        ("recordings", "cwru", SAMPLE / "cwru", "-o", into),
        ("fit", sample, "--detector", "gaussian", "-o", into),
        ("evaluate", MODEL, sample, "--json", into),
        ("report", MODEL, sample, "-o", into),
        ("compare", sample, "-o", into),
        ("models", sample, "-o", into),
    ):
        code, _, said = run(*command)
        assert code == 69, command
        assert said.startswith(f"trainer: {tmp_path / 'file'}"), said
        assert said.count("\n") == 1


def test_no_command_writes_over_what_it_reads(
    tmp_path: Path, run: Callable[..., tuple[int | str | None, str, str]]
) -> None:
    recorded(tmp_path / "a.npz", 1)
    path = listed(tmp_path, "a.npz")
    model = Path(shutil.copy(MODEL, tmp_path / "model.onnx"))
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    for command in (
        ("fit", path, "--detector", "gaussian", "-o", path),
        ("fit", path, "--detector", "gaussian", "-o", tmp_path / "a.npz"),
        ("evaluate", model, path, "--json", path),
        ("report", model, path, "-o", model),
        ("recordings", "convert", path, "-o", tmp_path),
    ):
        code, _, said = run(*command)
        assert (code, "would be written over" in said) == (64, True), said
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_recordings_of_one_name_are_all_kept(tmp_path: Path) -> None:
    for number, day in enumerate(("mon", "tue", "wed")):
        recorded(tmp_path / day / "1.npz", number)
    path = listed(tmp_path, "mon/1.npz", "tue/1.npz", "wed/1.npz")
    made = list(convert_recordings(path, tmp_path / "out"))
    assert [place.name for place, _ in made] == ["1.npz", "1-2.npz", "1-3.npz"]
    for place, recording in made:
        with np.load(place) as archive:
            np.testing.assert_array_equal(archive["samples"], recording.samples)
    assert sorted(os.listdir(tmp_path / "out")) == ["1-2.npz", "1-3.npz", "1.npz"]


def test_no_room_leaves_no_recording_in_part(tmp_path: Path) -> None:
    recorded(tmp_path / "a.npz", 1)
    script = """
import resource, sys
from pathlib import Path
from edge_runtime.core import UnavailableError
from trainer.recordings import convert_recordings
folder = Path(sys.argv[1])
room = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    list(convert_recordings(folder / "list.csv", folder / "out"))
except UnavailableError as error:
    print(error)
"""
    room = noise().astype(np.float32).nbytes + 500  # for the samples on disk, and not for an archive of them
    done = subprocess.run(
        [sys.executable, "-c", script, listed(tmp_path, "a.npz").parent, str(room)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be written (File too large)" in done.stdout
    assert not list((tmp_path / "out").iterdir())
