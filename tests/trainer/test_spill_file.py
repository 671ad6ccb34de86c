"""Samples on disk: what is read back, which processes share the file, and refusals of a full disk."""

import os
import pickle
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.errors import AccessError, UnavailableError
from tests.shared import ROOT
from tests.trainer.builders import noise, recording
from tests.trainer.sample import sample
from trainer.recordings import spill_file as module
from trainer.recordings.sample_moments import moments
from trainer.recordings.spill_file import SpillFile


def values(count: int = 1000, seed: int = 0) -> Any:
    return noise(count, 3, seed).astype(np.float32)


def test_what_was_put_is_read_back_whole_and_in_part() -> None:
    spill_file = SpillFile()
    # Lengths that are no multiple of a page, so that maps begin within one.
    parts = [values(count, seed) for seed, count in enumerate((1000, 7, 4096, 333))]
    stored = [spill_file.put(part) for part in parts]
    for part, one in zip(parts, stored, strict=True):
        assert len(one) == len(part)
        np.testing.assert_array_equal(one.samples(), part)
        np.testing.assert_array_equal(one[3:6].samples(), part[3:6])
        np.testing.assert_array_equal(one[2:][1:].samples(), part[3:])
    with pytest.raises(ValueError, match="read-only"):
        stored[0].samples()[0] = 0


def test_the_file_has_no_name_and_is_gone_with_its_last_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    before = len(os.listdir("/proc/self/fd"))
    spill_file = SpillFile()
    one = spill_file.put(values())
    seen = one.samples()
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) > before
    del spill_file, one
    np.testing.assert_array_equal(seen, values())  # a map outlives the file
    del seen
    assert len(os.listdir("/proc/self/fd")) == before


def _sum(one: Any) -> float:
    return float(one.samples().sum(dtype=np.float64))


_GIVEN: list[Any] = []


def _give(stored: Any) -> None:
    _GIVEN.extend(stored)


def _sum_given(number: Any) -> Any:
    return _sum(_GIVEN[number])


def test_other_processes_see_the_same_file() -> None:
    spill_file = SpillFile()
    stored = [spill_file.put(values(seed=seed)) for seed in range(2)]
    with ProcessPoolExecutor(1, get_context("spawn"), _give, (stored,)) as pool:
        assert list(pool.map(_sum_given, range(2))) == [_sum(one) for one in stored]


def test_a_full_disk_is_refused_with_what_was_needed() -> None:
    program = (
        "import resource, signal, numpy as np; from trainer.recordings.spill_file import SpillFile;"
        "spill_file = SpillFile();"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "spill_file.put(np.zeros((5000, 3)))\n"
        "try: spill_file.put(np.zeros((50_000_000, 3)))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "UnavailableError" in done.stdout
    assert "no room for the samples of the recordings, 0.6 GB so far" in done.stdout
    assert "Set TMPDIR" in done.stdout


def test_a_folder_that_takes_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises((AccessError, UnavailableError), match="cannot be put down") as caught:
        SpillFile()
    assert caught.value.remedy


def test_recordings_of_a_list_rest_and_are_the_same() -> None:
    first = sample()[0]
    assert isinstance(first.stored, module.StoredSamples)
    in_memory = replace(first, stored=np.array(first.samples))
    assert in_memory.duration_s == first.duration_s
    np.testing.assert_array_equal(in_memory.samples, first.samples)


def test_recordings_in_memory_can_still_be_sent() -> None:
    one = recording()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).samples, one.samples)


def test_moments_of_what_lies_on_disk_are_computed_once() -> None:
    made = recording(5000, channels=2)
    spill_file = SpillFile()
    stored = replace(made, stored=spill_file.put(made.samples))
    part = replace(stored, stored=stored.stored[1000:2000])
    found = moments(stored)
    assert moments(replace(stored, condition="other")) is found
    np.testing.assert_allclose(found.variance, made.samples.astype(np.float64).var(axis=0))
    np.testing.assert_allclose(moments(part).mean, made.samples[1000:2000].astype(np.float64).mean(axis=0))
    assert moments(made) is not moments(made)
