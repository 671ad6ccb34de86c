"""Sensors that the kernel reads, for as long as is asked: `python -m tests.edge.devices_soak --seconds 3600`.

An IIO device of three axes at 4 kHz (a made sysfs tree, its FIFO) and a sound card of two channels of 24 bits
at 48 kHz (a recorder of ours in place of `arecord`) are read by the service's own threads. Every sample is a
number that says its place: what is missing and was not counted is wrong by silence.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge_runtime.core.records import Frame
from edge_runtime.sensors import port_of
from edge_runtime.sensors.devices.device_port import DevicePort
from edge_runtime.sensors.inbox import Inbox
from edge_runtime.sensors.poller import Poller
from edge_runtime.sensors.protocols import FrameDecoder
from edge_runtime.sensors.readers import PortReader
from edge_runtime.sensors.settings import SensorSettings
from tests.edge.devices_tree import DIGIDUCER, IioTree, plug_cards

TURN = 2**16
"""Places are counted modulo this: no number of 20 bits is longer, and no loss is."""
PIECE_S = 0.05
RECORDER = """#!{python}
import sys, time
piece = {piece}
whole = b"".join((at % {turn}).to_bytes(3, "little") * 2 for at in range({turn} + piece))
begin_s, at = time.monotonic(), 0
while True:
    first = at % {turn} * 6
    sys.stdout.buffer.write(whole[first : first + 6 * piece])
    sys.stdout.buffer.flush()
    at += piece
    time.sleep(max(0.0, begin_s + at / {rate} - time.monotonic()))
"""


@dataclass(slots=True)
class Heard:
    """What came of one sensor."""

    settings: SensorSettings
    port: DevicePort
    decoder: FrameDecoder = field(default_factory=FrameDecoder)
    samples: int = 0
    missing: int = 0
    """By the numbers that the samples are."""
    last: int = -1

    def take(self, data: bytes, per_count: float) -> None:
        for item in self.decoder.feed(data):
            if not isinstance(item, Frame):
                continue
            places = np.rint(item.samples[:, 0] / per_count).astype(np.int64)
            steps = np.diff(places, prepend=places[0] - 1 if self.last < 0 else self.last) % TURN
            self.missing += int((steps - 1).sum())
            self.samples, self.last = self.samples + len(places), int(places[-1])


def soak(folder: Path, seconds: float) -> list[Heard]:
    """Read both for so long."""
    tree, over = IioTree(folder, rate_hz=4000.0), threading.Event()
    tree.plug_in()
    plug_cards(folder, ("U333D01", f"USB-Audio - {DIGIDUCER}"))
    program = folder / "arecord"
    text = RECORDER.format(python=sys.executable, piece=round(48000 * PIECE_S), turn=TURN, rate=48000)
    program.write_text(text)
    program.chmod(0o755)
    os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
    asked = [("iio:adxl355", 4000.0, ("x", "y", "z")), ("alsa:012345", 48000.0, ("A", "B"))]
    heard = []
    for port, rate_hz, channels in asked:
        settings = SensorSettings(port[:4], port, Path("m.onnx"), rate_hz, channels, "m/s2")
        opened = port_of(settings, root=folder)
        assert isinstance(opened, DevicePort)
        heard.append(Heard(settings, opened))
    writer = threading.Thread(target=_sample, args=(tree, over), daemon=True)
    writer.start()
    try:
        _read(heard, seconds)
    finally:
        over.set()
        writer.join()
        tree.unplug()
    return heard


def _sample(tree: IioTree, over: threading.Event) -> None:
    begin_s, at, piece = time.monotonic(), 0, round(4000 * PIECE_S)
    while not over.is_set():
        places = np.arange(at, at + piece)
        at += piece
        if tree.said("buffer/enable") == "1":
            tree.write(tree.scans(np.repeat(places[:, np.newaxis] % TURN, 3, axis=1), places * 250_000))
        time.sleep(max(0.0, begin_s + at / 4000 - time.monotonic()))


def _read(heard: list[Heard], seconds: float) -> None:
    inbox, stop = Inbox(len(heard)), threading.Event()
    poller = Poller(inbox, stop)
    readers = [PortReader(share, each.port, inbox, stop, poller) for share, each in enumerate(heard)]
    per_count = [0.0000382, 1 / 54321]
    until_s = time.monotonic() + seconds
    for thread in (poller, *readers):
        thread.start()
    while time.monotonic() < until_s:
        for chunk in inbox.take(0.2):
            heard[chunk.sensor].take(chunk.data, per_count[chunk.sensor])
    stop.set()
    for reader in readers:
        reader.stop()
    for thread in (poller, *readers):
        thread.join()
    for reader, each in zip(readers, heard, strict=True):
        assert reader.opened == 1, f"{each.port.url}: {reader.problem}"
        assert not reader.dropped_bytes


def main() -> int:
    """Say how many samples came and were lost; return 1 where some are missing that nobody counted."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=3600)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        heard = soak(Path(folder), asked.seconds)
    for each in heard:
        said = f"{each.samples} samples, {each.missing} missing, {each.port.lost} counted"
        print(f"{each.port.url}: {said}, {each.samples / each.settings.rate_hz:.1f} s")
    return int(any(each.missing != each.port.lost for each in heard))


if __name__ == "__main__":
    sys.exit(main())
