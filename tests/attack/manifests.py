"""`python -m tests.attack.manifests --count 1000 --seed 1`: manifests no trainer writes, through `check` and
then through `run`.

Each is a valid model whose manifest has up to three values changed: another type, an edge of a range and what
lies beyond it, text of all kinds, fields missing, doubled and unknown. The site's configuration states what
the manifest does. Harmful is one that `check` takes and `run` then refuses or dies of, one that is refused
otherwise than in words, and one that takes longer than 10 s. Exit code 1 where one is.

`check` and `run` prepare by the same code, which is called here; what was taken then scores windows, calm and
loud, through the service's own stations to a real spool. Of these, `--processes` go through real commands.
"""

import argparse
import json
import logging
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

from edge_runtime.core.errors import EdgeError
from edge_runtime.core.health import Health
from edge_runtime.core.manifest import Golden, manifest_to_metadata
from edge_runtime.door import Door
from edge_runtime.gateway import prepare, probe_ports
from edge_runtime.gateway.delivery import Delivery
from edge_runtime.gateway.preparation import PreparedService
from edge_runtime.gateway.stations import Stations
from edge_runtime.sensors.inbox import Chunk
from edge_runtime.spool.queue import MessageClass, Spool
from tests.artefacts import manifest, rms_graph
from tests.processes import ROOT, end, start
from tests.toml_text import document
from tests.waiting import HANG_S, scaled, until

MOST_S: Final = 10.0
MOST_SAMPLES: Final = 40_000
"""Of a run: windows of 65,536 samples would take the day."""
COMMAND: Final = [sys.executable, "-m", "edge_runtime"]
SHAPES: Final = ((1, 1), (2, 1), (64, 1), (64, 3), (256, 1), (1000, 2), (4096, 1), (16, 64))
"""Samples and channels of the graphs."""
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 2, 3, 0.5, -0.5, 1e-6, 9e-7, 1e-12, 5e-324, 1e6, 1e9, 1.0000001e9, 1e30),
    *(1.1e30, -1e30, 1e38, 1e39, 1e308, 2**31, 2**53, 2**63, 2**64, 10**400, 20, 21, 60.0, 60.1, 1000, 1001),
    *(float("nan"), float("inf"), -float("inf"), "", " ", "x", "1", "x" * 200, "x" * 201, "\u00e9" * 200),
    *("a/b", "+", "#", "$SYS", "\x1b[2J", "\x00", "\u202e", "\ufdd0", "\U0001f600", "{}", "a\nb", "null"),
    *(
        [],
        [0],
        [1, 1],
        [2, 1],
        [1, 1000],
        [1.0, 2.0],
        [[1]],
        ["x"],
        ["x", "x"],
        {},
        {"a": 1},
        {"votes": [1, 2]},
    ),
)
FACTORS: Final = (-1, 0, 0.001, 0.5, 0.999999, 1.000001, 2, 1000, 1e9)


def bodies(count: int, seed: int) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Names, model files, and the manifests in them."""
    for number in range(count):
        dice = random.Random(f"{seed} {number}")
        samples, channels = dice.choice(SHAPES)
        window = np.random.default_rng(number).standard_normal((samples, channels)).astype(np.float32)
        names = tuple("xyz"[:channels]) if channels <= 3 else tuple(f"c{index}" for index in range(channels))
        golden = (Golden(window, float(np.sqrt(np.mean(window**2)))),)
        hop = max(1, samples // 2)
        honest = manifest(samples, names, hop=hop, golden=golden, golden_tolerance=1e-4, threshold=2.0)
        metadata = manifest_to_metadata(honest)
        body = json.loads(metadata["steadyhum.manifest"])
        for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
            _change(body, dice)
        model = rms_graph(samples, channels)
        onnx.helper.set_model_props(model, {**metadata, "steadyhum.manifest": _text(body, dice)})
        yield f"{number}", model.SerializeToString(), body


def _text(body: dict[str, Any], dice: random.Random) -> str:
    text = json.dumps(body)
    if dice.random() < 0.03:  # a key twice
        text = text.replace("{", '{"name":"twice",', 1)
    return text


def _change(body: dict[str, Any], dice: random.Random) -> None:
    places = list(_places(body))
    holder, key = dice.choice(places)
    before = holder[key]
    kind = dice.choice(("value", "value", "near", "near", "near", "gone", "more"))
    if kind == "gone":
        del holder[key]
    elif kind == "more" and isinstance(holder, dict):
        holder[dice.choice(("extra", "", "votes", "x" * 300, "\x00"))] = dice.choice(VALUES)
    elif kind == "near" and isinstance(before, (int, float)) and not isinstance(before, bool):
        moved = before * dice.choice(FACTORS)
        holder[key] = round(moved) if isinstance(before, int) and dice.random() < 0.7 else moved
    elif kind == "near" and isinstance(before, str):
        holder[key] = dice.choice((before * 2, before[:-1], before + "\u00a0", before + "\n", before.upper()))
    else:
        holder[key] = dice.choice(VALUES)


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:
    """Every place that holds a value, as a container and the key in it."""
    keys = holder if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
    for key in keys:
        yield holder, key
        yield from _places(holder[key])


def write_site(folder: Path, model: bytes, body: dict[str, Any]) -> Path:
    """A configuration that states what the manifest does."""
    (folder / "model.onnx").write_bytes(model)
    stated = {name: body.get(name) for name in ("rate_hz", "channels", "unit")}
    usual = {"rate_hz": 1000, "channels": ["x"], "unit": "g"}
    right: dict[str, Any] = {"rate_hz": (int, float), "channels": list, "unit": str}
    told = {name: stated[name] if isinstance(stated[name], right[name]) else usual[name] for name in usual}
    sensor = {"name": "pump", "port": "/dev/steadyhum-none", "model": "model.onnx", "protocol": "lines"}
    table = {
        "state_folder": "state",
        "site": {"site": "plant", "device": "gateway"},
        "broker": {"host": "localhost", "port": 9},
        "sensor": [{**sensor, **told}],
    }
    path = folder / "site.toml"
    path.write_text(document(table), encoding="utf-8", errors="replace")
    return path


def run_it(prepared: PreparedService, folder: Path) -> None:
    """Score calm and loud windows, as the service does; raises what would end it."""
    (sensor,) = prepared.sensors
    made, health = sensor.watch.artefact.manifest, Health()
    with Spool.open(folder / "state", prepared.config.spool) as spool:
        delivery = Delivery(prepared, spool, health, Door(dict))
        stations = Stations(prepared, delivery, health, lambda _station: None)
        (station,) = stations._stations.values()  # noqa: SLF001  no port stands behind it
        try:
            rng, now_s = np.random.default_rng(1), time.monotonic()
            windows = min(8, MOST_SAMPLES // made.samples + 1)
            for level in (0.5, 5.0, 50.0, 0.5):
                values = level * rng.standard_normal((windows * made.samples, len(made.channels)))
                lines = "\n".join(",".join(f"{value:.4f}" for value in row) for row in values) + "\n"
                now_s += len(values) / made.rate_hz
                stations._inbox.put(Chunk(station.reader.share, lines.encode(), now_s))  # noqa: SLF001
                stations.take(0.0)
                station.tick(now_s)
            stations.report_health()
            for row in spool.peek(MessageClass.ALARM, 1000):
                json.loads(row.body)
        finally:
            stations.stop()
            delivery.stop()


def harm(folder: Path, model: bytes, body: dict[str, Any]) -> tuple[bool, str]:
    """Whether `check` takes it, and what is wrong with how that goes on; empty where nothing is."""
    path, begun_s = write_site(folder, model, body), time.monotonic()
    try:
        prepared = prepare(path)
        probe_ports(prepared.config)
    except EdgeError as error:
        said = str(error)
        words = bool(error.remedy) and said.isprintable() and len(said) < 4000
        return False, "" if words else f"refused by {said[:300]!r}"
    except Exception as error:  # noqa: BLE001  what this is to find
        return False, f"check: {type(error).__name__}: {error}"[:300]
    try:
        run_it(prepared, folder)
    except Exception as error:  # noqa: BLE001  what this is to find
        return True, f"run: {type(error).__name__}: {error}"[:300]
    took_s = time.monotonic() - begun_s
    return True, f"took {took_s:.0f} s" if took_s > scaled(MOST_S) else ""


def harm_of_commands(path: Path) -> str:
    """The same of the real commands: one says what the other does."""
    words = [*COMMAND, "check", "--config", str(path)]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=scaled(HANG_S), check=False, cwd=ROOT
    )
    log = path.with_suffix(".log")
    with log.open("w") as file:
        service = start([*COMMAND, "run", "--config", path], stderr=file, cwd=ROOT)
    until(lambda: service.poll() is not None or "watching pump" in log.read_text(), what="run's answer")
    code = end(service, signal.SIGTERM) if service.poll() is None else service.returncode
    refusal = done.stderr.splitlines()[-1:]
    if "Traceback" in log.read_text() + done.stderr:
        return "a traceback"
    if code != done.returncode or (code and refusal != log.read_text().splitlines()[-1:]):
        return f"check ends with {done.returncode} {refusal}, run with {code}: {log.read_text()[-300:]}"
    return ""


def attack(count: int, seed: int, processes: int) -> tuple[Counter[str], dict[str, str]]:
    """How many were taken and refused, and the harmful ones by name."""
    counts: Counter[str] = Counter()
    found: dict[str, str] = {}
    for number, (name, model, body) in enumerate(bodies(count, seed)):
        folder = Path(tempfile.mkdtemp(prefix="manifest-"))
        try:
            taken, wrong = harm(folder, model, body)
            if not wrong and number < processes:
                wrong = harm_of_commands(folder / "site.toml")
                counts["through commands"] += 1
        finally:
            shutil.rmtree(folder)
        counts["taken" if taken else "refused"] += 1
        if wrong:
            found[name] = wrong
        if (number + 1) % 100 == 0:
            print(f"{number + 1} done, {len(found)} harmful", file=sys.stderr)
    return counts, found


def main() -> None:
    """Print the harmful ones."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=30)
    asked = parser.parse_args()
    logging.disable()
    counts, found = attack(asked.count, asked.seed, asked.processes)
    print(", ".join(f"{count} {what}" for what, count in counts.items()), f"{len(found)} harmful", sep=", ")
    for name, what in found.items():
        print(f"    {name}: {what}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
