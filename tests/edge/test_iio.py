"""Sensors that Linux reads by a driver of its own: a made sysfs tree, and a FIFO in place of the device."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.core.errors import AccessError, ConfigError, EdgeError, UnavailableError
from edge_runtime.core.records import Frame, Hello
from edge_runtime.gateway.changes import compare
from edge_runtime.gateway.preparation import prepare
from edge_runtime.sensors import port_of
from edge_runtime.sensors.devices.iio_scan import Element, Scan, ScanType
from edge_runtime.sensors.devices.stamps import StampedGaps, UnstampedGaps
from edge_runtime.sensors.inbox import Inbox
from edge_runtime.sensors.poller import Poller
from edge_runtime.sensors.protocols import FrameDecoder
from edge_runtime.sensors.readers import PortReader
from edge_runtime.sensors.settings import SensorSettings
from edge_runtime.sensors.virtual_port import open_output
from tests.artefacts import write_artefact
from tests.edge.devices_tree import IioTree
from tests.edge.sites import CONFIG
from tests.waiting import until

SETTINGS = SensorSettings("pump", "iio:adxl355", Path("m.onnx"), 4000.0, ("x", "y", "z"), "g")
SCALE = 0.0000382 / 9.80665
PERIOD_NS = 250_000
START_NS = 1_790_000_000_000_000_000


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[IioTree]:
    made = IioTree(tmp_path)
    made.plug_in()
    yield made
    made.unplug()


def counts(rows: int) -> Any:
    return np.random.default_rng(1).integers(-(2**19), 2**19, (rows, 3))


def heard(tree: IioTree, settings: SensorSettings, samples: int) -> tuple[list[Frame], list[Hello], int]:
    """Frames and hellos through the threads of the service, and how many samples were lost."""
    inbox, stop, decoder = Inbox(), threading.Event(), FrameDecoder()
    port, poller = port_of(settings, root=tree.root), Poller(inbox, stop)
    reader, items = PortReader(0, port, inbox, stop, poller), list[Any]()

    def enough() -> bool:
        items.extend(item for chunk in inbox.take(0.1) for item in decoder.feed(chunk.data))
        return sum(len(item.samples) for item in items if isinstance(item, Frame)) >= samples

    poller.start()
    reader.start()
    try:
        until(enough, what=f"{samples} samples; {reader.problem}")
    finally:
        stop.set()
        reader.stop()
        for thread in (poller, reader):
            thread.join()
    lost = getattr(port, "lost", -1)
    frames = [item for item in items if isinstance(item, Frame)]
    return frames, [item for item in items if isinstance(item, Hello)], lost


@pytest.mark.parametrize(
    ("kind", "stored", "value"),
    [
        ("be:S20/32>>12", "80000000", -(2**19)),
        ("be:s20/32>>12", "7ffff000", 2**19 - 1),
        ("be:s20/32>>12", "fffff123", -1),
        ("le:s13/16>>0", "ff1f", -1),
        ("le:s13/16>>0", "ff0f", 4095),
        ("le:s12/16>>4", "f07f", 2047),
        ("be:u12/16>>4", "fff0", 4095),
        ("le:s16/16X1>>0", "0080", -32768),
        ("le:u8/8>>0", "ff", 255),
        ("le:s64/64>>0", "ffffffffffffffff", -1),
        ("be:s24/32>>8", "80000100", -(2**23) + 1),
    ],
)
def test_scan_types(kind: str, stored: str, value: int) -> None:
    data = np.frombuffer(bytes.fromhex(stored), np.uint8)[np.newaxis]
    assert ScanType.parse(kind).decode(data).tolist() == [value]


@pytest.mark.parametrize(
    "kind", ["", "be:S20/32", "xe:s8/8>>0", "le:s16/16X3>>0", "le:s20/24>>0", "le:s9/8>>0"]
)
def test_scan_types_that_are_none(kind: str) -> None:
    with pytest.raises(ValueError, match=r"scan type|several values|fit into itself"):
        ScanType.parse(kind)


@given(
    st.binary(min_size=8, max_size=8),
    st.booleans(),
    st.booleans(),
    st.sampled_from([8, 16, 32, 64]),
    st.data(),
)
def test_scan_types_against_arithmetic(
    stored: bytes, big: bool, signed: bool, storage: int, data: Any
) -> None:
    shift = data.draw(st.integers(0, storage - 1))
    bits = data.draw(st.integers(1, min(storage - shift, 63)))
    stored = stored[: storage // 8]
    expected = int.from_bytes(stored, "big" if big else "little") >> shift & (1 << bits) - 1
    if signed and expected >> bits - 1:
        expected -= 1 << bits
    kind = ScanType(big, signed, bits, storage, shift)
    assert kind.decode(np.frombuffer(stored, np.uint8)[np.newaxis]).tolist() == [expected]


def test_channels_lie_at_multiples_of_their_size_and_the_scan_at_one_of_the_largest() -> None:
    kinds = [("a", "le:s8/8>>0"), ("b", "le:s32/32>>0"), ("timestamp", "le:s64/64>>0"), ("c", "le:s8/8>>0")]
    scan = Scan([Element(name, at, ScanType.parse(kind)) for at, (name, kind) in enumerate(kinds)])
    data = np.arange(24, dtype=np.uint8)[np.newaxis]
    assert scan.size == 24
    found = {name: int(scan.values(data, name)[0]) for name, _ in kinds}
    assert found == {"a": 0, "b": 0x07060504, "timestamp": 0x0F0E0D0C0B0A0908, "c": 16}


def stamps(places: Any, jitter: float, seed: int) -> Any:
    late = np.random.default_rng(seed).uniform(0, jitter, len(places))
    return START_NS + np.rint((places + late) * PERIOD_NS).astype(np.int64)


@pytest.mark.parametrize("jitter", [0.0, 0.3, 0.45])
@pytest.mark.parametrize("block", [1, 7, 80, 4000])
def test_every_lost_sample_is_counted_and_jitter_is_none(jitter: float, block: int) -> None:
    dice = np.random.default_rng(2)
    lost = np.where(dice.random(4000) < 0.005, dice.integers(1, 300, 4000), 0)
    lost[:9] = 0
    lost[np.flatnonzero(lost)[1:][np.diff(np.flatnonzero(lost)) < 9]] = 0
    times, rows = stamps(np.arange(4000) + np.cumsum(lost), jitter, 3), np.arange(4000, dtype=np.float32)
    gaps, found, seen = StampedGaps(4000.0, 1), dict[int, int](), 0
    for at in range(0, 4000, block):
        for missing, piece in gaps.feed(times[at : at + block], rows[at : at + block, np.newaxis]):
            assert piece[0, 0] == seen
            found |= {seen: missing} if missing else {}
            seen += len(piece)
    assert found == {int(place): int(lost[place]) for place in np.flatnonzero(lost) if place < seen}
    assert seen >= 3990


def test_single_late_stamps_are_no_loss_and_a_clock_that_is_set_is_a_break() -> None:
    times = stamps(np.arange(400), 0.0, 0)
    times[[50, 90, 91, 200]] += round(0.9 * PERIOD_NS)
    times[300:] -= 10**9
    pieces = StampedGaps(4000.0, 1).feed(times, np.zeros((400, 1), np.float32))
    assert [(lost, len(piece)) for lost, piece in pieces] == [(0, 300), (1, 96)]


def test_without_stamps_a_full_buffer_tells_what_is_lost() -> None:
    gaps = UnstampedGaps(1000.0, 2000, now_s=10.0)
    assert gaps.feed(20, 10.02, emptied=True) == 0
    assert gaps.feed(1500, 11.52, emptied=True) == 0, "a stall that the buffer bridged"
    assert gaps.feed(1000, 16.52, emptied=False) == 0, "not all of it was read yet"
    assert gaps.feed(1000, 16.53, emptied=True) == 3010
    assert gaps.feed(20, 16.55, emptied=True) == 0


def test_samples_come_in_the_sites_unit_with_every_loss_counted(tree: IioTree) -> None:
    sent, places = counts(6000), np.arange(6000)
    places[1000:] += 7
    places[4500:] += 1
    tree.play(sent, stamps(places, 0.3, 1))
    frames, hellos, lost = heard(tree, SETTINGS, 5996)
    samples = np.concatenate([frame.samples for frame in frames])
    np.testing.assert_allclose(samples, sent[:5996] * SCALE, atol=2e-7)
    assert lost == 8
    assert [frame.sequence for frame in frames] == list(range(len(frames)))
    ends = [frame.time_us + len(frame.samples) * 250 for frame in frames]
    jumps = [after.time_us - end for after, end in zip(frames[1:], ends, strict=False)]
    assert sorted(jumps)[-2:] == [250, 7 * 250]
    assert sum(jumps) == 8 * 250
    assert {frame.overruns for frame in frames} == {0, 7, 8}
    assert (hellos[0].channels, hellos[0].unit, hellos[0].firmware) == (
        ("x", "y", "z"),
        "g",
        "linux iio adxl355",
    )
    assert hellos[0].range == pytest.approx((2**19 - 1) * SCALE)
    assert tree.said("buffer/enable") == "0", "it is let go of"


def test_what_is_not_wanted_is_switched_off_and_the_rest_set(tree: IioTree) -> None:
    tree.attributes({"scan_elements/in_accel_y_en": "1", "buffer/enable": "1", "sampling_frequency": "1000"})
    settings = dataclasses.replace(SETTINGS, channels=("DE",), hello_channels=("z",), unit="m/s2")
    with port_of(settings, root=tree.root):
        enabled = {name: tree.said(f"scan_elements/in_{name}_en") for name in tree.elements}
        assert enabled == {"accel_x": "0", "accel_y": "0", "accel_z": "1", "timestamp": "1"}
        said = [tree.said(f"buffer/{name}") for name in ("enable", "length", "watermark")]
        assert (said, tree.said("sampling_frequency")) == (["1", "8000", "80"], "4000")
        assert tree.said("current_timestamp_clock") == "monotonic"


@pytest.mark.parametrize(
    ("changes", "attributes", "kind", "words"),
    [
        (
            {"rate_hz": 3300.0},
            {"sampling_frequency": None},
            ConfigError,
            "rate_hz is 3300, and the device .* offers: 1000 2000 4000",
        ),
        (
            {"channels": ("x", "DE")},
            {},
            ConfigError,
            "has the channels x, y, z, and not DE. Set hello_channels",
        ),
        ({"unit": "mm/s"}, {}, ConfigError, "unit is 'mm/s', and the device measures in 'm/s2'"),
        ({"scale": 2.0}, {}, ConfigError, "states its own calibration"),
        ({"port": "iio:adxl999"}, {}, UnavailableError, "there are: iio:adxl355 \\(iio:device0\\)"),
        ({}, {"in_accel_scale": "none"}, ConfigError, "does not say the scale of accel_x"),
        ({}, {"trigger/current_trigger": ""}, ConfigError, "needs a trigger"),
        ({}, {"scan_elements/in_accel_x_type": "le:s3/2>>0"}, ConfigError, "channel accel_x: 'le:s3/2>>0'"),
    ],
)
def test_what_is_otherwise_than_stated_is_refused_in_words(
    tree: IioTree, changes: Any, attributes: Any, kind: type[EdgeError], words: str
) -> None:
    frequency = tree.folder / "sampling_frequency"
    if "sampling_frequency" in attributes:  # of a device that takes no other
        frequency.unlink()
        frequency.symlink_to("/dev/null")
    tree.attributes({name: text for name, text in attributes.items() if text is not None})
    with pytest.raises(kind, match=words) as refusal:
        port_of(dataclasses.replace(SETTINGS, **changes), root=tree.root).open()
    assert refusal.value.remedy


def test_two_devices_of_one_name_are_told_apart_by_their_numbers(tree: IioTree, tmp_path: Path) -> None:
    second = IioTree(tmp_path, number=3)
    second.plug_in()
    with pytest.raises(ConfigError, match=r"2 devices of this name\. Name one of iio:device0, iio:device3"):
        port_of(SETTINGS, root=tmp_path).open()
    for port in ("iio:device3", "iio:iio:device3"):
        with port_of(dataclasses.replace(SETTINGS, port=port), root=tmp_path):
            assert (tree.said("buffer/enable"), second.said("buffer/enable")) == ("0", "1")
    second.unplug()


def test_a_device_that_goes_away_is_opened_again(tree: IioTree) -> None:
    port = port_of(SETTINGS, root=tree.root)
    with port:
        tree.unplug()
        with pytest.raises(UnavailableError, match="gives nothing any more"):
            port.read()
    tree.plug_in()
    with port:
        assert port.read() == b""


def test_who_may_not_set_it_up_is_told_what_is_missing(
    tree: IioTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)  # tests run as root, whom no file refuses
    with pytest.raises(
        AccessError, match=r"no permission to set scan_elements/in_accel_x_en to 1.*udev rule"
    ):
        port_of(SETTINGS, root=tree.root).open()


@pytest.mark.parametrize("port", ["iio:", "alsa: "])
def test_a_port_that_names_no_device(port: str) -> None:
    with pytest.raises(ValueError, match="must name a device"):
        dataclasses.replace(SETTINGS, port=port)
    with pytest.raises(ValueError, match="does not speak"):
        dataclasses.replace(SETTINGS, protocol="lines")


def test_nothing_is_played_to_a_device() -> None:
    with (
        pytest.raises(ConfigError, match="give samples and take none"),
        open_output("iio:adxl355", 9600, None),
    ):
        pass


@pytest.mark.parametrize(("port", "again"), [("iio:adxl355", True), ("/dev/ttyACM9", False)])
def test_a_reload_with_other_channels_sets_a_device_up_again(tmp_path: Path, port: str, again: bool) -> None:
    write_artefact(tmp_path / "rms.onnx")
    config, prepared = tmp_path / "edge.toml", []
    for channel in ("x", "y"):
        config.write_text(CONFIG.format(port=1883, line=port) + f'hello_channels = ["{channel}"]\n')
        prepared.append(prepare(config))
    changes = compare(*prepared)
    assert (changes.replaced, changes.adjusted) == ((("pump",), ()) if again else ((), ("pump",)))
