"""Evidence beside alarms: their way while ten clients fetch, and what the rings of sixteen sensors take.

With, captures are taken and diagnosed, too; without, evidence is off. Both take turns. An alarm's way is that
of the part `alarms`; every fetched byte is compared.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path as Model

import numpy as np

from edge_runtime.book import AlarmMoment
from edge_runtime.core.records import Transition
from edge_runtime.gateway.evidence.record import EvidenceRecord
from edge_runtime.gateway.evidence.store import Store
from edge_runtime.sensors import CaptureNote, EvidenceSettings, RecordingSettings
from tests.benchmarks.alarms import AT_ONCE, CALM, UNLIMITED, between, level, of_alarms, transitions
from tests.benchmarks.benchmark_site import PERIOD_S, Values, encoded, plant, uncut
from tests.benchmarks.measure import Goal, Measure, ratio
from tests.benchmarks.path import Path
from tests.processes import end, start
from tests.shared import ROOT
from tests.waiting import until

ROUNDS = 5
ROUND_S = 10.0
CLIENTS = 10
SENSORS = 16
HELD_S = 12.0
"""Longer than what rings hold."""
COMMANDS = "\n[commands]\nmqtt = true\n"
OFF = "\n[evidence]\nenabled = false\n"
KEPT = EvidenceRecord(
    "bench", AlarmMoment.BEGIN, "s0", "anomaly", "2026-01-01T00:00:00.000000Z", clock_ok=True
)


def measure(model: Model, rounds: int = ROUNDS, round_s: float = ROUND_S) -> Iterator[Measure]:
    """Measure with a model whose windows are one frame apart; an alarm begins or ends every four frames."""
    frames = round(round_s / PERIOD_S)
    threshold = between(Path(model).feed_all(encoded(frames, lambda index: level(index + CALM))))
    lines = encoded(CALM + frames, level)
    due = transitions(model, threshold, lines)
    pairs = uncut(rounds, lambda: _pair(model, threshold, lines, due))
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        alone, fetched = ([float(np.quantile(pair[at][0], share)) for pair in pairs] for at in (0, 1))
        note = f"{np.median(fetched):.2f} ms, and {np.median(alone):.2f} without"
        yield ratio(f"evidence_alarm_{name}", fetched, alone, Goal(1.2) if name == "p99" else None, note)
    rates = [pair[1][1] / 1e6 / (round_s + 2) for pair in pairs]
    yield Measure("evidence_fetched_mb_s", "MB/s", rates, None, f"by {CLIENTS} clients")
    held = encoded(round(HELD_S / PERIOD_S))
    grown = [_resident_mb(model, held, "") - _resident_mb(model, held, OFF) for _ in range(rounds)]
    yield Measure("evidence_memory_mb", "MB", grown, Goal(25), f"{SENSORS} sensors, on over off")


def _pair(
    model: Model, threshold: float, lines: list[bytes], due: Sequence[tuple[int, Transition]]
) -> tuple[tuple[Values, int], tuple[Values, int]] | None:
    """Without and with clients; None where a pty was full."""
    alone = _round(model, threshold, lines, due, clients=0)
    fetched = alone and _round(model, threshold, lines, due, clients=CLIENTS)
    return alone and fetched and (alone, fetched)


def _round(
    model: Model, threshold: float, lines: list[bytes], due: Sequence[tuple[int, Transition]], *, clients: int
) -> tuple[Values, int] | None:
    """Milliseconds of each alarm, and bytes that were fetched; None where a pty was full."""
    with plant(lines, 1) as site:
        _keep(Model(site.folder), lines)
        more = AT_ONCE.format(threshold=threshold) + COMMANDS + ("" if clients else OFF)
        site.service(model, more=more, program=UNLIMITED)
        fetching = _fetchers(site.broker.port, clients) if clients else None
        try:
            sent, cut = site.play()
            events = site.subscriber.bodies["steadyhum/plant/gateway/s0/event"]
            if not cut:
                until(lambda: len(of_alarms(events)) >= len(due), what="a message of every alarm")
            fetched = 0
            if fetching is not None:
                said, _ = fetching.communicate("", timeout=60)
                fetched, whole = json.loads(said.splitlines()[-1])
                assert whole > 0, "nothing was fetched whole"
        finally:
            if fetching is not None:
                end(fetching)
    if cut:
        return None
    found = zip(of_alarms(events), due, strict=True)
    return np.array([1e3 * (now_s - sent[at, 0]) for (now_s, _), (at, _) in found]), fetched


def _keep(folder: Model, lines: Sequence[bytes]) -> None:
    """Evidence of ten seconds, as an alarm before leaves it."""
    limits = EvidenceSettings(free_bytes=0), RecordingSettings(free_bytes=0)
    store = Store(folder / "state" / "evidence", *limits)
    file = store.begin(KEPT, CaptureNote(sensor="s0"), b"")
    file.write(b"".join(lines[: round(10 / PERIOD_S)]), 0.0)
    store.end(KEPT)


def _fetchers(port: int, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.benchmarks.fetchers", port, KEPT.id, count]
    running = start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    return running


def _resident_mb(model: Model, lines: list[bytes], more: str) -> float:
    """Of the service after it has watched sixteen sensors for longer than it holds of them."""
    with plant(lines, SENSORS) as site:
        config = site.service(model, more="")
        if more:  # a table of its own, once
            end_of = Model(site.folder) / "edge.toml"
            end_of.write_text(end_of.read_text() + more)
            config.send_signal(1)  # SIGHUP: it lets go of what it held
        site.play()
        return float(config.memory_info().rss / 1e6)
