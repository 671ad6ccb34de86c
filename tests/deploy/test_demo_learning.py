"""`make demo-learn`: what it chooses, what it sends, how it judges; all of it with STEADYHUM_SOAK=1."""

import itertools
import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from deploy.demo_learning import judge
from deploy.demo_machine import running_machine
from deploy.demo_recordings import LEFT_OUT, SAMPLE, plan
from edge_runtime.core import Frame
from edge_runtime.sensors import Signal
from edge_runtime.sensors.protocols.frames import FrameDecoder
from tests.deploy.heavy import ROOT
from tests.waiting import scaled, until

RATE_HZ = 12000
SENSOR_TOPIC = "steadyhum/demo-plant/demo-gateway/motor-drive-end"


def signal(value: float) -> Signal:
    return Signal(np.full((1000, 1), value, np.float32), RATE_HZ, ("DE",), "g")


def test_a_load_left_out_is_not_among_what_is_learnt(tmp_path: Path) -> None:
    chosen = plan(ROOT / SAMPLE, LEFT_OUT, 0, tmp_path)
    assert set(chosen.known) == {"0 hp", "1 hp", "3 hp"}
    assert chosen.said == "inner race 0.007 in, 2 hp"
    assert all(item.rate_hz == RATE_HZ for item in (*chosen.known.values(), chosen.unseen, chosen.fault))
    assert all(len(item.samples) > 5 * RATE_HZ for item in chosen.known.values())
    other = plan(ROOT / SAMPLE, "0 hp", 3, tmp_path)
    assert set(other.known) == {"1 hp", "2 hp", "3 hp"}
    assert other.said == "inner race 0.007 in, 2 hp", "the sample has faults at that load only"
    np.testing.assert_array_equal(other.known["3 hp"].samples, chosen.known["3 hp"].samples)


@pytest.mark.parametrize(
    ("text", "left_out", "says"),
    [
        (None, "2 hp", "is no recordings list"),
        ("a,b\n1,2\n", "2 hp", "condition, file, label is missing"),
        ("file,label,condition\nx.npz,normal,one\n", "one", "takes two conditions or more"),
        ("file,label,condition\nx.npz,normal,one\ny.npz,normal,two\n", "three", "and not 'three'"),
        ("file,label,condition\nx.npz,normal,one\ny.npz,normal,two\n", "two", "one of a fault has to be"),
        (
            "file,label,condition\nx.npz,normal,one\ny.npz,normal,two\nz.npz,worn,two\n",
            "two",
            "no such file",
        ),
    ],
)
def test_a_list_of_no_use_is_a_sentence(tmp_path: Path, text: str | None, left_out: str, says: str) -> None:
    listing = tmp_path / "mine.csv"
    if text is not None:
        listing.write_text(text)
    with pytest.raises(SystemExit) as raised:
        plan(listing, left_out, 0, tmp_path)
    assert says in str(raised.value)


def test_the_machine_goes_on_until_it_is_told_otherwise() -> None:
    sent: list[bytes] = []
    with running_machine(sent.append, signal(1.0)) as machine:
        until(lambda: len(sent) > 12, what="more than one round of the first signal")
        machine.play(signal(2.0))
    decoder = FrameDecoder()
    frames = [item for data in sent for item in decoder.feed(data) if isinstance(item, Frame)]
    levels = [float(frame.samples[0, 0]) for frame in frames]
    assert levels == sorted(levels)
    assert set(levels) == {1.0, 2.0}
    steps = list(itertools.pairwise(frames))
    assert {after.sequence - before.sequence for before, after in steps} == {1, 2}
    for before, after in steps:
        lost = (after.sequence - before.sequence - 1) * 256
        passed_s = (after.time_us - before.time_us) / 1e6
        assert passed_s == pytest.approx((len(before.samples) + lost) / RATE_HZ, abs=2e-6)


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([(21.0, "new", "anomaly"), (26.0, "end", "anomaly")], 0),
        ([(5.0, "new", "sensor_fault"), (21.0, "new", "anomaly"), (26.0, "end", "anomaly")], 0),
        ([(15.0, "new", "anomaly"), (26.0, "end", "anomaly")], 1),
        ([(24.0, "new", "anomaly"), (26.0, "end", "anomaly")], 1),
        ([(21.0, "new", "anomaly"), (23.0, "end", "anomaly")], 1),
        ([(21.0, "new", "anomaly"), (26.0, "end", "anomaly"), (27.0, "new", "anomaly")], 1),
    ],
)
def test_it_passes_only_with_one_alarm_on_the_fault(
    events: list[tuple[float, str, str]], code: int, tmp_path: Path
) -> None:
    seen = [
        (at, f"{SENSOR_TOPIC}/event", json.dumps({"type": type_, "kind": kind})) for at, type_, kind in events
    ]
    assert judge(seen, (10.0, 20.0, 25.0), Namespace(within=3.0, folder=tmp_path)) == code


@pytest.mark.skipif(os.environ.get("STEADYHUM_SOAK") != "1", reason="takes a minute; STEADYHUM_SOAK=1")
@pytest.mark.parametrize(("left_out", "seed"), [("2 hp", 0), ("1 hp", 1), ("0 hp", 2), ("3 hp", 3)])
def test_from_no_model_to_an_alarm_on_the_fault(left_out: str, seed: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.demo_learning", "--leave-out", left_out, "--seed", str(seed)]
    command += ["--folder", str(tmp_path / "demo"), "--within", str(scaled(3))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=scaled(300))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "0 alarms in" in done.stdout
