"""What may be recorded, its course in time, and the job's file, whatever is in it."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.core import DataError
from edge_runtime.gateway.recording.job import Job, Order, encode_job, parse_job
from edge_runtime.gateway.recording.job_files import JobFiles
from tests.edge.recorded import job

SNAPSHOTS = {"take_s": 10.0, "every_s": 600.0}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"condition": ""}, "the condition has 0 characters"),
        ({"condition": " "}, "printable"),
        ({"condition": "a\nb"}, "printable"),
        ({"label": "x" * 81}, "the label has 81 characters"),
        ({"for_s": 0.5}, "0.5 s is no length of a recording"),
        ({"for_s": 400 * 86400.0}, "no length of a recording"),
        ({"for_s": float("nan")}, "no length of a recording"),
        ({"take_s": 10.0}, "needs its length and how often"),
        ({"every_s": 10.0}, "needs its length and how often"),
        ({"take_s": 10.0, "every_s": 10.0, "for_s": 100.0}, "are no snapshots"),
        ({"take_s": 10.0, "every_s": 200.0, "for_s": 100.0}, "are no snapshots"),
        ({"take_s": 0.1, "every_s": 20.0, "for_s": 100.0}, "no length"),
    ],
)
def test_what_cannot_be_recorded(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says) as refusal:
        replace(job().order, **changes).check()
    assert refusal.value.remedy


def test_a_series_takes_the_first_seconds_of_each_stretch() -> None:
    week = job(7 * 86400.0, **SNAPSHOTS)
    week.order.check()
    taken = [second for second in range(3600) if replace(week, elapsed_s=float(second)).is_taking]
    assert taken == [begin + second for begin in range(0, 3600, 600) for second in range(10)]
    assert replace(week, elapsed_s=601.0).snapshot == 1
    assert not replace(week, elapsed_s=7 * 86400.0 - 1).is_over
    assert replace(week, elapsed_s=7 * 86400.0).is_over


def test_a_week_of_snapshots_is_small_and_ten_hours_are_not() -> None:
    assert job(36000.0).order.least_bytes(12000, 3) == 36000 * 12000 * 3 * 2
    assert job(7 * 86400.0, **SNAPSHOTS).order.least_bytes(12000, 3) == 30 * 12000 * 3 * 2


JOBS = st.builds(
    Job,
    st.builds(
        Order,
        sensor=st.text(min_size=1),
        condition=st.just("full load"),
        for_s=st.floats(700, 1e6),
        take_s=st.just(10.0),
        every_s=st.floats(11, 700),
        folder=st.text(),
    ),
    *[st.text()] * 4,
    elapsed_s=st.floats(0, 1e7),
    files=st.integers(0, 10**6),
    ended=st.text(),
    other_disk=st.booleans(),
)


@given(JOBS)
def test_a_job_is_read_as_it_was_written(what: Job) -> None:
    assert parse_job(encode_job(what)) == what


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 40))
def test_a_damaged_job_is_refused_or_is_a_job(noise: bytes, at: int, length: int) -> None:
    data = encode_job(job(1000.0, **SNAPSHOTS))
    for damaged in (noise, data[:at], data[:at] + noise + data[at + length :]):
        with suppress(DataError):
            found = parse_job(damaged)
            found.order.check()
            assert found.elapsed_s >= 0


def test_what_lies_among_the_jobs_and_is_none_is_said(tmp_path: Path) -> None:
    files = JobFiles(tmp_path)
    files.write(job())
    for name, data in (("noise", b"\0\xff"), ("large", b"x" * 100_000), ("other", b'{"schema": 2}')):
        (files.folder / f"{name}.json").write_bytes(data)
    os.mkfifo(files.folder / "pipe.json")
    (files.folder / "folder.json").mkdir()
    found = list(files.read())
    assert [each for each in found if isinstance(each, Job)] == [job()]
    refused = [each for each in found if isinstance(each, DataError)]
    assert len(refused) == 5
    assert all(each.where and each.remedy for each in refused)
