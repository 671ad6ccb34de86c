"""Sensors that are not there, on ptys that are pulled and put back.

`python -m tests.faults.pulled_sensors FOLDER COUNT SEED`: each plays at its true rate over a line with
faults, loud now and then so that alarms begin and end. Its port is FOLDER/N/usb-sensor, whichever pty is
behind it.
"""

import random
import sys
import threading
import time
from pathlib import Path

import numpy as np

from edge_runtime.sensors.faulty_line import InjectedFaults
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, play_signals
from tests.faults.replug import Plug

RATE_HZ = 12_000.0
LINE = InjectedFaults(drop=0.002, flip=0.002, repeat=0.002, cut=0.002, noise=0.002)


def vibration(rng: random.Random) -> Signal:
    """Quiet for a while, loud for two seconds, quiet again."""
    parts = [(0.3, rng.uniform(5, 20)), (3.0, 2.0), (0.3, 5.0)]
    noise = np.random.default_rng(rng.getrandbits(32))
    samples = [level * noise.standard_normal((round(length_s * RATE_HZ), 1)) for level, length_s in parts]
    return Signal(np.concatenate(samples).astype(np.float32), RATE_HZ, ("x",), "g")


def run(folder: Path, seed: int) -> None:
    """Be one sensor for ever, and another pty about every minute."""
    rng, plug = random.Random(seed), Plug(folder)
    for boot in range(1, 2**31):
        if boot % 3 == 1:
            plug.put()
        sensor = SimulatedSensor(boot_id=boot, sample_format=SampleFormat.INT16)
        play_signals([vibration(rng)], sensor, plug.write, faults=LINE)
        if boot % 3 == 0:
            plug.pull()
            time.sleep(rng.uniform(0.1, 3))


def main() -> None:
    folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    for index in range(count):
        home = folder / str(index)
        home.mkdir(parents=True)
        threading.Thread(target=run, args=(home, seed + index), daemon=True).start()
        time.sleep(0.1)  # they need not all be loud at once
    threading.Event().wait()


if __name__ == "__main__":
    main()
