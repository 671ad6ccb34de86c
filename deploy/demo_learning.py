"""`make demo-learn`: from a sensor without any model to an alarm, on real bearing vibration.

A real `edge-runtime run` has a sensor with `model = "learn"` at a pty. Three motor loads are recorded one
after the other, the learner makes a model of them, it watches in the shadow and is armed; then come the
fourth load, which it never heard, and a fault. Times that are days at a plant are seconds here; the vibration
is played at its true rate. Exits 0 only if there was exactly one alarm, on the fault and in time.
"""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Final

from deploy.demo_broker import COME_S, Seen, broker, subscriber
from deploy.demo_machine import Machine, running_machine
from deploy.demo_processes import run, say, started, wait_for
from deploy.demo_recordings import LEFT_OUT, SAMPLE, Plan, plan
from edge_runtime.sensors import open_output

ROOT: Final = Path(__file__).resolve().parent.parent
SENSOR: Final = "motor-drive-end"
RECORDED_S: Final = 4.5
"""Of each condition: the sample has 5.5 s, and nothing may be recorded twice, which learning refuses."""
NORMAL_S: Final = 6.0
"""Of the unseen load before the fault. A judgement: longer than its recording in the sample."""
ALARM_WITHIN_S: Final = 3.0
"""A judgement, as in `make demo`: a technician who has just knocked on the machine still stands there."""
SHADOW_S: Final = 40
"""For calibrating and the shadow, which take 6 s of vibration."""
ALARM_S: Final = 10
"""For the alarm to come, and to end."""

CONFIG: Final = """\
state_folder = "state"

[site]
site = "demo-plant"
device = "demo-gateway"

[broker]
host = "127.0.0.1"
port = {port}
client_id = "demo-gateway"
mqtt = "{version}"

[learning]
allow = true
# At a plant: minutes, minutes and a day.
least_s = {least_s:.1f}
calibrate_s = 2.0
shadow_s = 4.0

[[sensor]]
name = "{sensor}"
port = "{line}"
model = "learn"
rate_hz = {rate_hz}
channels = {channels}
unit = "{unit}"

[report]
state_s = 10.0
"""


def main() -> int:
    """Run the demo; return 0 if it passed, else 1."""
    asked = arguments()
    os.chdir(ROOT)
    shutil.rmtree(asked.folder, ignore_errors=True)
    asked.folder.mkdir(parents=True)
    chosen = plan(asked.recording, asked.leave_out, asked.seed, asked.folder)
    config = asked.folder / "edge.toml"
    with (
        broker(asked.folder) as (port, version),
        subscriber(port, version) as seen,
        open_output("pty", 0, None) as (line, write),
    ):
        config.write_text(configuration(chosen, port, version, line))
        begun_s = time.monotonic()
        with started("edge-runtime", "run", "--config", config):
            # A sensor that nobody reads would send what it kept all at once, which no real one does.
            wait_for(lambda: condition(seen), "the gateway", COME_S)
            with running_machine(write, *chosen.known.values()) as machine:
                learn(chosen, machine, config, seen)
                times = watch(chosen, machine, seen)
        took_s = time.monotonic() - begun_s
    say(f"it ran for {took_s:.0f} s")
    return judge(seen, times, asked)


def arguments() -> argparse.Namespace:
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(prog="make demo-learn", description="Learn at the machine, from nothing")
    parser.add_argument("--recording", type=Path, default=SAMPLE, help="a recordings list, see README.md")
    parser.add_argument("--leave-out", default=LEFT_OUT, help="the condition that is not learnt, and played")
    parser.add_argument("--seed", type=int, default=0, help="chooses recordings, their order and their cuts")
    parser.add_argument("--folder", type=Path, default=Path("build/demo-learn"), help="emptied first")
    parser.add_argument("--within", type=float, default=ALARM_WITHIN_S, help="seconds from fault to alarm")
    asked = parser.parse_args()
    asked.recording, asked.folder = asked.recording.absolute(), asked.folder.absolute()
    return asked


def configuration(chosen: Plan, port: int, version: str, line: str) -> str:
    """The gateway's: it knows what the sensor is, and nothing of how it should sound."""
    signal = chosen.unseen
    return CONFIG.format(
        port=port,
        version=version,
        line=line,
        sensor=SENSOR,
        least_s=0.8 * RECORDED_S * len(chosen.known),
        rate_hz=signal.rate_hz,
        channels=json.dumps(list(signal.channels)),
        unit=signal.unit,
    )


def learn(chosen: Plan, machine: Machine, config: Path, seen: Seen) -> None:
    """Record each condition, have a model made, and arm it when it asks for that."""
    wait_for(lambda: condition(seen).get("link") == "up", "the sensor", COME_S)
    at = ("--config", config)
    for name, signal in chosen.known.items():
        machine.play(signal)
        say(f"record {name}")
        run("edge-runtime", "record", "--sensor", SENSOR, "--condition", name, "--for", f"{RECORDED_S}s", *at)
    machine.play(*chosen.known.values())
    say("learn from what was recorded")
    run("edge-runtime", "commission", SENSOR, "learn", *at)
    run("trainer", "learn", config.parent / "state", "--once")
    wait_for(lambda: condition(seen)["asks"], "what the sensor asks for", SHADOW_S)
    if (now := condition(seen))["commissioning"] != "shadow" or "arm" not in now["asks"]:
        raise SystemExit(f"DEMO FAILED: in the stage {now['commissioning']}: {now['asks']}")
    run("edge-runtime", "commission", SENSOR, "arm", "--note", "demo", *at)
    wait_for(lambda: condition(seen)["commissioning"] == "armed", "the armed sensor", COME_S)


def watch(chosen: Plan, machine: Machine, seen: Seen) -> tuple[float, float, float]:
    """Play the unseen condition, the fault, and the former again; return when each began."""
    say(f"the machine now runs at {chosen.left_out}, which was not learnt")
    unseen_at = machine.play(chosen.unseen)
    time.sleep(NORMAL_S)
    say(f"AND NOW A FAULT: {chosen.said}")
    fault_at = machine.play(chosen.fault)
    wait_for(lambda: alarms(seen), "the alarm", ALARM_S)
    say("the machine is well again")
    over_at = machine.play(chosen.unseen)
    wait_for(lambda: alarms(seen)[-1][1] == "end", "the end of the alarm", ALARM_S)
    return unseen_at, fault_at, over_at


def condition(seen: Seen) -> dict[str, Any]:
    """The newest that was said of how the sensor is; empty before anything was."""
    said = [body for _, topic, body in list(seen) if topic.endswith(f"/{SENSOR}/condition")]
    newest: dict[str, Any] = json.loads(said[-1]) if said else {}
    return newest


def alarms(seen: Seen, *, of_machine: bool = True) -> list[tuple[float, str]]:
    """When events came, and what they were, such as new and end: those about the machine, or all others."""
    came = [(at, json.loads(body)) for at, topic, body in list(seen) if topic.endswith("/event")]
    told = [(at, body) for at, body in came if body.get("action") != "evidence"]
    return [(at, body["type"]) for at, body in told if (body["kind"] == "anomaly") is of_machine]


def judge(seen: Seen, times: tuple[float, float, float], asked: argparse.Namespace) -> int:
    """Compare what the subscriber received with what was played; return the exit code."""
    unseen_at, fault_at, over_at = times
    told = alarms(seen)
    delay_s = told[0][0] - fault_at
    early = sum(kind == "new" and at < fault_at for at, kind in told)
    passed = (
        [kind for _, kind in told] == ["new", "end"]
        and 0 <= delay_s <= asked.within
        and told[-1][0] >= over_at
    )
    print()
    say(f"alarms about the machine: {', '.join(kind for _, kind in told)}")
    if others := len(alarms(seen, of_machine=False)):
        say(
            f"and {others} events about the sensor or its line: this computer was too busy to play it in time"
        )
    say(f"{early} alarms in {fault_at - unseen_at:.1f} s of the condition never heard")
    say(f"the alarm came {delay_s:.2f} s after the fault began (allowed: {asked.within:g} s)")
    say(
        "DEMO PASSED: no model at the beginning; one alarm, and it was the fault"
        if passed
        else f"DEMO FAILED: exactly one alarm was expected; logs and files are in {asked.folder}"
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
