"""Accelerometers that are sound cards: names and calibrations, ALSA's own recorder, and one of ours."""

import dataclasses
import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.errors import BusyError, ConfigError, EdgeError, UnavailableError
from edge_runtime.core.records import Frame, Hello
from edge_runtime.sensors import port_of
from edge_runtime.sensors.devices.alsa_cards import Calibration, calibration_of, cards, find, present
from edge_runtime.sensors.devices.recorder_process import FORMS
from edge_runtime.sensors.protocols import FrameDecoder
from edge_runtime.sensors.settings import SensorSettings
from tests.edge.devices_soak import soak
from tests.edge.devices_tree import DIGIDUCER, plug_cards
from tests.waiting import scaled

SETTINGS = SensorSettings("pump", "alsa:012345", Path("m.onnx"), 48000.0, ("A", "B"), "g")
needs_alsa = pytest.mark.skipif(
    shutil.which("arecord") is None, reason="ALSA's recorder is not installed: apt install alsa-utils"
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("333D01 10123455432198765250131", Calibration("333D01", "012345", "m/s2", (54321, 98765))),
        ("USB-Audio - 633A01 1AB1234500001000020", Calibration("633A01", "AB1234", "m/s2", (50000, 10000))),
        ("485B39 200123412345677654321250131", Calibration("485B39", "001234", "V", (1234567, 7654321))),
        ("485B39 300123400625000060000250131", Calibration("485B39", "001234", "V", (1250000, 1200000))),
        ("333D01 40123455432198765250131", None),
        ("333D01 1012345543219876", None),
        ("333D01 10123450000098765250131", None),
        ("USB Audio CODEC", None),
    ],
)
def test_the_calibration_is_in_the_name(name: str, expected: Calibration | None) -> None:
    assert calibration_of(name) == expected


def test_cards_are_found_by_id_model_and_serial_number(tmp_path: Path) -> None:
    plug_cards(tmp_path, ("PCH", "HDA-Intel - HDA Intel PCH"), ("U333D01", f"USB-Audio - {DIGIDUCER}"))
    first, second = cards(tmp_path)
    assert (first.calibration, second.number, second.id) == (None, 1, "U333D01")
    for name in ("U333D01", "333D01", "012345"):
        assert find(name, tmp_path, "") == ("hw:CARD=U333D01,DEV=0", second)
    for name in ("hw:1", "hw:1,0", "hw:CARD=U333D01,DEV=0", "hw:U333D01"):
        assert find(name, tmp_path, "") == (name, second)
    assert find("shop_floor", tmp_path, "") == ("shop_floor", None)
    assert present(tmp_path)[1].startswith("alsa:012345 (USB-Audio - 333D01")


@pytest.mark.parametrize(
    "name", ["plughw:1", "default", "sysdefault:CARD=U333D01", "a b", "file:'/etc/passwd',raw"]
)
def test_what_converts_in_silence_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="may convert rate and channels"):
        find(name, tmp_path, "")


def test_two_of_a_model_are_told_apart_by_their_serial_numbers(tmp_path: Path) -> None:
    other = DIGIDUCER.replace("012345", "099999")
    plug_cards(tmp_path, ("U333D01", f"USB-Audio - {DIGIDUCER}"), ("U333D01_1", f"USB-Audio - {other}"))
    with pytest.raises(ConfigError, match=r"2 cards are '333D01'.*alsa:012345, alsa:099999"):
        find("333D01", tmp_path, "")
    assert find("099999", tmp_path, "")[0] == "hw:CARD=U333D01_1,DEV=0"
    with pytest.raises(UnavailableError, match="no sound card of this name"):
        find("hw:CARD=gone", tmp_path, "")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_samples_of_every_form_are_shares_of_full_scale(form: Any) -> None:
    shares = np.array([[0.5, -0.5], [-1.0, 0.25], [0.0, 1 - 2.0 ** (1 - form.bits)]])
    whole = np.rint(shares * 2 ** (form.bits - 1)).astype("<i4")
    data = whole.view(np.uint8).reshape(-1, 4)[:, : form.size].tobytes()
    np.testing.assert_array_equal(form.values(data, 2), shares.astype(np.float32))


def hear(settings: SensorSettings, root: Path, samples: int) -> tuple[list[Frame], Hello]:
    decoder, items = FrameDecoder(), list[Any]()
    with port_of(settings, root=root) as port:
        until_s = time.monotonic() + 60
        while sum(len(item.samples) for item in items if isinstance(item, Frame)) < samples:
            assert time.monotonic() < until_s
            items += decoder.feed(port.read())
    return [item for item in items if isinstance(item, Frame)], next(
        item for item in items if isinstance(item, Hello)
    )


@needs_alsa
def test_alsas_own_recorder_gives_every_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through ALSA's file plugin: 24 bits, two channels, as fast as they are taken."""
    sent = np.random.default_rng(1).integers(-(2**23), 2**23, (96000, 2)).astype("<i4")
    (tmp_path / "in.raw").write_bytes(sent.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    pcm = f'type file slave.pcm "null" file "/dev/null" infile "{tmp_path}/in.raw" format "raw"'
    (tmp_path / "asound.conf").write_text(f"</usr/share/alsa/alsa.conf>\npcm.shop_floor {{ {pcm} }}\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    settings = dataclasses.replace(SETTINGS, port="alsa:shop_floor", unit="full scale")
    frames, hello = hear(settings, tmp_path, 96000)
    samples = np.concatenate([frame.samples for frame in frames])[:96000]
    np.testing.assert_array_equal(samples, (sent / 2**23).astype(np.float32))
    assert {frame.rate_hz for frame in frames} == {48000.0}
    assert (hello.channels, hello.range, hello.serial_number) == (("A", "B"), 1.0, "")
    scaled = dataclasses.replace(settings, unit="g", scale=25.0, channels=("B",))
    frames, hello = hear(scaled, tmp_path, 480)
    np.testing.assert_allclose(frames[0].samples[:480, 0], sent[:480, 1] / 2**23 * 25, rtol=1e-6)
    assert hello.range == 25.0


@needs_alsa
@pytest.mark.parametrize(
    ("port", "words"),
    [
        ("alsa:nosuch", "no samples come.*No such file or directory"),
        ("alsa:hw:7", "no sound card of this name"),
    ],
)
def test_a_card_that_is_not_there_is_waited_for(tmp_path: Path, port: str, words: str) -> None:
    with pytest.raises(UnavailableError, match=words):
        port_of(dataclasses.replace(SETTINGS, port=port, unit="full scale"), root=tmp_path).open()


RECORDER = """#!/bin/sh
echo "$@" >> {folder}/asked
echo "Recording raw data 'stdin' : Signed 24 bit Little Endian in 3bytes, Rate 48000 Hz, Stereo" >&2
{does}
"""
GIVES = "head -c 60000 /dev/zero"


def recorder(folder: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    """Let `arecord` be a program of ours."""
    plug_cards(folder, ("U333D01", f"USB-Audio - {DIGIDUCER}"))
    program = folder / "bin/arecord"
    program.parent.mkdir(exist_ok=True)
    program.write_text(RECORDER.format(folder=folder, does=does))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_a_calibrated_card_gives_g(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.array([[400000, -400000], [0, 8388607]], "<i4")
    (tmp_path / "in.raw").write_bytes(counts.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    recorder(tmp_path, monkeypatch, f"cat {tmp_path}/in.raw; sleep 60")
    frames, hello = hear(SETTINGS, tmp_path, 2)
    # As the maker's sample has it: g = share * 855400 / sensitivity.
    expected = counts / 2**23 * 855400 / np.array([54321, 98765])
    np.testing.assert_allclose(frames[0].samples, expected, rtol=2e-6)
    assert (hello.serial_number, hello.firmware, hello.unit) == ("012345", "alsa 333D01", "g")
    assert hello.range == pytest.approx(855400 / 98765, rel=1e-5)
    asked = (tmp_path / "asked").read_text()
    assert (
        "-D hw:CARD=U333D01,DEV=0 -t raw -f S24_3LE -c 2 -r 48000 --fatal-errors --disable-resample" in asked
    )


def test_a_card_of_another_form_is_asked_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says = "arecord: set_params:1371: Sample format non available"
    does = f'case "$*" in *S16_LE*) {GIVES}; sleep 60;; *) echo "{says}" >&2; exit 1;; esac'
    recorder(tmp_path, monkeypatch, does)
    frames, _ = hear(SETTINGS, tmp_path, 15000)
    assert sum(len(frame.samples) for frame in frames) == 15000


@pytest.mark.parametrize(
    ("changes", "does", "kind", "words"),
    [
        (
            {"rate_hz": 44100.0},
            f"echo 'Warning: rate is not accurate (requested = 44100Hz, got = 48000Hz)' >&2; {GIVES}",
            ConfigError,
            r"rate_hz is 44100, which the sensor does not have .*got = 48000Hz",
        ),
        ({"rate_hz": 25.6}, "", ConfigError, "rate_hz is 25.6, and sound cards sample at a whole number"),
        ({"channels": ("A", "C")}, "", ConfigError, "has the channels A, B, and not C. Set hello_channels"),
        ({"unit": "mm/s"}, "", ConfigError, "unit is 'mm/s', and the device measures in 'm/s2'"),
        ({"scale": 3.0}, "", ConfigError, "states its own calibration. Leave scale out"),
        (
            {},
            "echo 'arecord: set_params:1376: Channels count non available' >&2; exit 1",
            ConfigError,
            "has no 2 channels of 16 to 32 bits at 48000 Hz",
        ),
        (
            {},
            "echo 'arecord: main:831: audio open error: Device or resource busy' >&2; exit 1",
            BusyError,
            "another program has the sensor. Stop it: PipeWire",
        ),
        (
            {},
            "echo 'arecord: main:831: audio open error: Permission denied' >&2; exit 1",
            EdgeError,
            "sudo usermod -aG audio",
        ),
        (
            {"port": "alsa:U9", "unit": "g" * 256, "scale": 2.0},
            f"{GIVES}; sleep 9",
            ConfigError,
            "a text has at most 255 bytes. Take fewer channels",
        ),
        ({}, "exit 0", UnavailableError, "no samples come .the recorder says nothing"),
    ],
)
def test_what_the_sensor_is_not_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: Any,
    does: str,
    kind: type[EdgeError],
    words: str,
) -> None:
    recorder(tmp_path, monkeypatch, does)
    with pytest.raises(kind, match=words):
        port_of(dataclasses.replace(SETTINGS, **changes), root=tmp_path).open()


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("overrun!!! (at least 12.3 ms long)", "samples were lost: this computer did not fetch them in time"),
        ("arecord: pcm_read:2221: read error: No such device", "gives nothing any more .*No such device"),
    ],
)
def test_an_end_of_the_recorder_is_said_and_never_bridged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, words: str
) -> None:
    recorder(tmp_path, monkeypatch, f"{GIVES}; echo '{says}' >&2; exit 1")
    port, decoder, frames = port_of(SETTINGS, root=tmp_path), FrameDecoder(), list[Frame]()

    def read_on() -> None:
        while True:
            frames.extend(item for item in decoder.feed(port.read()) if isinstance(item, Frame))

    for _ in range(2):
        with port, pytest.raises(UnavailableError, match=words):
            read_on()
    boots = Counter[int]()
    for frame in frames:
        boots[frame.boot_id] += len(frame.samples)
    assert sorted(boots.values()) == [10000, 10000], "all that came before counts, and then a stream begins"


def test_without_the_program_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_cards(tmp_path, ("U333D01", f"USB-Audio - {DIGIDUCER}"))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent / "none"))
    with pytest.raises(UnavailableError, match="apt install alsa-utils"):
        port_of(SETTINGS, root=tmp_path).open()


def test_both_kinds_at_their_full_rates_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m tests.edge.devices_soak` does it for an hour."""
    monkeypatch.setenv("PATH", os.environ["PATH"])
    for each in soak(tmp_path, scaled(2.0)):
        assert each.samples > 2000
        assert each.missing == each.port.lost
