"""`make demo`: from recordings to an alarm over MQTT on real bearing vibration, with files of this repository
only.

Fits a detector on normal vibration at three motor loads, then plays the fourth load to a real `edge-runtime
run` through a pty at the true 12 kHz: normal, an inner-race fault, normal again. Prints what an MQTT
subscriber receives. Exits 0 only if there was exactly one alarm, within 3 s of the fault, and it ended after
the fault.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.demo_broker import COME_S, QUIET, Seen, broker, subscriber
from deploy.demo_processes import (
    BUSY,
    WORK,
    free_port,
    line_of,
    process,
    run,
    say,
    started,
    tool,
    wait_for,
)

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = Path("tests/data/cwru.csv")
UNSEEN = "2 hp"
"""The load that is left out of the training and played."""
NORMAL, FAULT = "99.npz", "107.npz"
PARTS = [f"{NORMAL}@0-4.4", f"{NORMAL}@0-4.4", f"{FAULT}@0-3.9", f"{NORMAL}@0-4.4", f"{NORMAL}@0-4.4"]
FAULT_PART = 2
"""Index of the fault in PARTS."""
ALARM_WITHIN_S = 3.0
"""Shorter than the part with the fault (3.9 s), with room for a busy machine."""

LINE = WORK / "line"
"""Where the sensor is connected; the same for each that plays."""
AGAIN = 60
"""Times that the fault is played in one go while the page is open: 4 minutes, 11 MB."""
PLAYED_S = 60
"""The parts take 22 s."""

CONFIG = """\
state_folder = "state"

[site]
site = "demo-plant"
device = "demo-gateway"

[broker]
host = "127.0.0.1"
port = {port}
client_id = "demo-gateway"
mqtt = "{version}"

[[sensor]]
name = "motor-drive-end"
port = "{line}"
model = "model.onnx"
rate_hz = 12000
channels = ["DE"]
unit = "g"

[report]
state_s = 2.0

[page]
listen = "127.0.0.1:{page}"
"""


def main() -> int:
    """Run the demo; return 0 if it passed, else 1. With `--page` the page stays open before it ends."""
    keep = "--page" in sys.argv[1:]
    os.chdir(ROOT)
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    train()
    with broker(WORK) as (port, version), subscriber(port, version) as seen, simulator() as (line, sensor):
        page = free_port()
        (WORK / "edge.toml").write_text(CONFIG.format(port=port, version=version, line=line, page=page))
        with started("edge-runtime", "run", "--config", WORK / "edge.toml"):
            wait_for(
                lambda: any(topic.endswith("/availability") for _, topic, _ in seen), "the gateway", COME_S
            )
            begun = play(sensor)
            heard = list(seen)
            if keep:
                keep_page()
        wait_for(
            lambda: [body for _, topic, body in seen if topic.endswith("/availability")][-1] == "offline",
            "the last word",
            COME_S,
        )
    code = judge(heard if keep else seen, begun)
    if not keep:
        say("see it on the technician's page, with the alarm in it: make demo PAGE=1")
    return code


def train() -> None:
    """Fit on the loads that the demo does not play, and convert the one that it plays."""
    head, *rows = SAMPLE.read_text().splitlines()
    listed = [row.replace("cwru/", f"{(SAMPLE.parent / 'cwru').resolve()}/", 1) for row in rows]
    known = [row for row in listed if ",normal," in row and UNSEEN not in row]
    unseen = [row for row in listed if UNSEEN in row]
    for name, chosen in (("train.csv", known), ("unseen.csv", unseen)):
        (WORK / name).write_text("\n".join([head, *chosen]) + "\n")
    say(f"fit on normal vibration at {len(known)} loads; {UNSEEN} stays unseen")
    run("trainer", "fit", WORK / "train.csv", "--detector", "principal_components", "-o", WORK / "model.onnx")
    say("convert the recordings of the unseen load for the simulated sensor")
    run("trainer", "recordings", "convert", WORK / "unseen.csv", "-o", WORK)


@contextlib.contextmanager
def simulator() -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start a simulated sensor; yield its port and the process, which waits for a line of input to begin."""
    parts = [WORK / part for part in PARTS]
    command = [tool("edge-runtime"), "simulate", *parts, "--port", "pty", "--link", LINE, "--json", "--wait"]
    with process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sensor:
        line_of(sensor)  # it is there
        yield str(WORK.resolve() / LINE.name), sensor


def play(sensor: "subprocess.Popen[str]") -> list[float]:
    """Start the sensor; return the times at which its parts began, in seconds since the epoch."""
    assert sensor.stdin
    print("begin", file=sensor.stdin, flush=True)
    begun = []
    for part in PARTS:
        begun.append(float(json.loads(line_of(sensor))["time"]))
        say(f"the sensor now plays {'AN INNER-RACE FAULT' if part.startswith(FAULT) else 'normal vibration'}")
    sensor.wait(timeout=PLAYED_S * BUSY)
    return begun


def keep_page() -> None:
    """Serve the technician's page while the fault is played again, until somebody interrupts."""
    fault = [WORK / PARTS[FAULT_PART]] * AGAIN
    command = [tool("edge-runtime"), "simulate", *fault, "--port", "pty", "--link", LINE]
    with started("edge-runtime", "page", "--config", WORK / "edge.toml"):
        say("the technician's page: the line below lets one person in, Ctrl-C ends it")
        run("edge-runtime", "page", "code", "--operate", "--config", WORK / "edge.toml")
        say("the sensor plays the inner-race fault again and again; messages are no longer shown")
        QUIET.set()
        with contextlib.suppress(KeyboardInterrupt):
            while subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0:
                pass


def judge(seen: Seen, begun: list[float]) -> int:
    """Compare what the subscriber received with what was played; return the exit code."""
    heard = [(at, json.loads(body)) for at, topic, body in seen if topic.endswith("/event")]
    events = [(at, body) for at, body in heard if body["action"] != "evidence"]
    changes = [(body["type"], at) for at, body in events]
    delay_s = changes[0][1] - begun[FAULT_PART] if changes else float("nan")
    fault_end_s = begun[FAULT_PART + 1]
    passed = (
        [kind for kind, _ in changes] == ["new", "end"]
        and 0 <= delay_s <= ALARM_WITHIN_S
        and changes[1][1] >= fault_end_s
        and len({body["id"] for _, body in events}) == 1
    )
    print()
    say(f"events: {', '.join(kind for kind, _ in changes) or 'none'}")
    if changes:
        say(f"the alarm came {delay_s:.2f} s after the fault began (allowed: {ALARM_WITHIN_S:.0f} s)")
        say(f"it ended {changes[-1][1] - fault_end_s:.2f} s after the fault did")
    say(
        "DEMO PASSED: one alarm for the fault, none on normal vibration at a load never seen"
        if passed
        else f"DEMO FAILED: exactly one alarm was expected; logs and files are in {WORK}"
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
