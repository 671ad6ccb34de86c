"""What is missing is counted against the clock, whatever it is missing by; and what is far too quiet."""

import io
import zipfile
from typing import Any

import numpy as np
import pytest

from edge_runtime.analysis.normal_level import NormalLevel
from edge_runtime.analysis.rate_meter import FirstLook, RateMeter
from edge_runtime.analysis.usable_share import UsableShare
from edge_runtime.core.records import FaultReason
from edge_runtime.models.scorer import open_trusted
from tests.shared import FULL, ROOT, needs

HOP_S, WINDOW_S = 512 / 12000, 1024 / 12000
SHIPPED = sorted((ROOT / "exported_models").glob("*.onnx"))


def named_at(usable: Any, *, seconds: float = 120, **changes: Any) -> float:
    """When a share is first called short; infinite for never. `usable(at_s)` is how much of it is."""
    settings = {"hop_s": HOP_S, "window_s": WINDOW_S, "asked": 0.9, "span_s": 60.0} | changes
    share = UsableShare(**settings)
    windows = 0.0
    for look in range(round(seconds * 2)):
        at_s = look / 2
        share.look(at_s, int(windows))
        if share.shortage:
            return at_s
        windows += 0.5 * usable(at_s) / settings["hop_s"]
    return float("inf")


@pytest.mark.parametrize("lost", [0.55, 2 / 3, 0.8, 1.0])
def test_a_sensor_that_gives_little_is_named_within_ten_seconds(lost: float) -> None:
    assert named_at(lambda _: 1 - lost) <= 10


@pytest.mark.parametrize(("lost", "by_s"), [(0.2, 31), (0.12, 52)])
def test_a_smaller_loss_is_named_as_soon_as_the_share_is_out_of_reach(lost: float, by_s: float) -> None:
    assert named_at(lambda _: 1 - lost) <= by_s


@pytest.mark.parametrize("lost", [0.0, 0.05, 0.09])
def test_a_share_above_what_is_asked_for_is_never_named(lost: float) -> None:
    assert named_at(lambda _: 1 - lost, seconds=3600) == float("inf")


def test_a_jerk_of_the_cable_is_not_named_and_one_a_minute_is_not_either() -> None:
    assert named_at(lambda at_s: not 30 <= at_s < 33, seconds=600) == float("inf")
    assert named_at(lambda at_s: not 30 <= at_s % 60 < 33, seconds=600) == float("inf")


def test_what_is_missing_is_said_of_the_time_that_names_it() -> None:
    """Half of late, of eight seconds, long before the minute has lost what it may."""
    share, windows = UsableShare(HOP_S, WINDOW_S, 0.9, 60.0), 0.0
    for look in range(40):
        share.look(look / 2, int(windows))
        if share.shortage:
            break
        windows += 0.5 * (1.0 if look < 20 else 0.3) / HOP_S
    assert "of the last 8 s, more than 4.0 s" in share.shortage


def test_nothing_is_asked_for_at_zero() -> None:
    assert named_at(lambda _: 0.01, asked=0) == float("inf")


def test_one_gap_costs_a_long_window_and_names_nothing() -> None:
    """Windows of 30 s: the span is as long as lets three of them be missing."""
    long = {"hop_s": 15.0, "window_s": 30.0}
    assert named_at(lambda at_s: not 300 <= at_s < 332, seconds=3000, **long) == float("inf")
    assert named_at(lambda at_s: at_s < 300, seconds=3000, **long) < 500


def test_it_begins_again_and_leaves_out_pauses() -> None:
    share: Any = UsableShare(HOP_S, WINDOW_S, 0.9, 60.0)
    share.look(0.0, 0)
    share.look(20.0, 10)
    assert "of the last 60 s, more than 6.0 s" in share.shortage
    assert share.share < 0.1
    share.restart()
    assert share.shortage == ""
    assert share.share == 1.0
    share.look(20.0, 10)
    share.skip(30.0)
    share.look(51.0, 33)
    assert share.unusable_s < 0.2


def test_one_frame_in_a_hundred_lost_is_no_fault_for_a_month() -> None:
    """Frames of 256 samples, windows of 1024: five windows in a hundred. By runs of a day, thirty of them."""
    rng = np.random.default_rng(7)
    frames = round(86400 * 12000 / 256)
    most = 0.0
    for _ in range(3):
        whole = rng.random(frames) >= 0.01
        since = np.arange(frames) - np.maximum.accumulate(np.where(whole, -1, np.arange(frames)))
        # After a gap the first window takes four frames, each of two more frames another.
        usable = whole & (since >= 4) & (since % 2 == 0)
        a_look = 24  # half a second
        looks = usable[: frames // a_look * a_look].reshape(-1, a_look).sum(axis=1)
        a_minute = np.convolve(looks, np.ones(117), "valid") * HOP_S
        most = max(most, float((117 * a_look * 256 / 12000 - a_minute).max()))
    assert most < 6.0


def test_the_rate_is_measured_over_what_is_lost_and_in_stretches() -> None:
    meter, position, readings = RateMeter(12000.0), 0, []
    for look in range(60):  # five per cent fast; every eighth look nobody knows how much is missing
        if look % 8 == 7:
            meter.interrupted()
            position += 12345
        position += 6300
        readings.append(meter.update(position, look / 2))
    (first, *_) = found = [reading for reading in readings if reading]
    assert len(found) == 2
    assert first.measured_hz == pytest.approx(12600)
    assert first.off


def test_what_was_not_used_is_not_measured() -> None:
    """Frames that are all late copies: the sensor has not moved, and neither has the clock of the meter."""
    meter = RateMeter(1000.0)
    readings = [meter.update(min(look, 10) * 500 + max(0, look - 20) * 500, look / 2) for look in range(40)]
    assert not any(readings[:20])


FRAME_S = 256 / 12000
RNG = np.random.default_rng(13)
LINES: dict[str, Any] = {
    "at once": lambda taken: taken,
    "late by chance": lambda taken: taken + RNG.exponential(0.003, len(taken)),
    "radio": lambda taken: taken + RNG.lognormal(np.log(0.005), 1.2, len(taken)),
    "every 16 ms": lambda taken: np.ceil(taken / 0.016) * 0.016,
    "every 50 ms": lambda taken: np.ceil(taken / 0.05) * 0.05,
    "a backlog at first": lambda taken: (
        taken + np.maximum(0, 0.5 - taken / 3) + RNG.exponential(0.002, len(taken))
    ),
    "a stall": lambda taken: np.where((taken > 1) & (taken < 1.8), 1.8, taken),
    "a busy machine": lambda taken: (turns := np.cumsum(RNG.exponential(0.1, 1000)))[
        np.searchsorted(turns, taken)
    ],
}
"""When frames arrive that were taken at these times."""


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("faster", [0.0, 0.02])
def test_ten_seconds_tell_the_rate_however_late_bytes_come(line: str, faster: float) -> None:
    """Also where the host stood still for a second about the moment at which a span ends."""
    rng = np.random.default_rng(7)
    taken = np.arange(6000) * FRAME_S
    arrived = LINES[line](taken) if line != "a busy machine" else taken + rng.exponential(0.05, len(taken))
    for stalled in (None, 9.9, 10.4, 20.1):
        at_s = np.maximum.accumulate(
            arrived if stalled is None else np.where(abs(taken - stalled) < 0.5, stalled + 0.5, arrived)
        )
        meter, readings = RateMeter(12000.0), []
        for look_s in np.arange(0.5, 100, 0.5):
            frames = int(np.searchsorted(at_s, look_s, "right"))
            if frames and (reading := meter.update(round(frames * 256 * (1 + faster)), at_s[frames - 1])):
                readings.append(reading)
        assert len(readings) >= 8
        assert [reading.off for reading in readings] == [faster > 0] * len(readings), (stalled, readings)


def looks(line: Any, faster: float) -> list[tuple[float, bool, Any]]:
    """Of ten seconds of a sensor so much faster than it says: time, whether it is doubted, the reading."""
    first, found = FirstLook(12000.0), []
    taken = np.arange(1, round(10 / FRAME_S)) * FRAME_S / (1 + faster)
    for frame, at_s in enumerate(np.maximum.accumulate(line(taken)), 1):
        first.note(256 * frame, float(at_s))
        if frame % 4 == 0:
            found.append((float(at_s), first.doubts(), first.reading))
    return found


UNEVEN = ("every 50 ms", "a backlog at first", "a busy machine")
"""Lines that tell too little of a rate that is a little off to hold an alarm back for it."""


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("faster", [0.02, -0.02, 0.03, -0.2, 0.5])
def test_a_rate_that_is_off_is_doubted_until_it_is_named(name: str, faster: float) -> None:
    found = looks(LINES[name], faster)
    assert all(doubted for _, doubted, _ in found) or (name in UNEVEN and abs(faster) < 0.3)
    named = [(at_s, reading) for at_s, _, reading in found if reading]
    assert 3.0 <= named[0][0] < 9.0
    assert named[-1][1].measured_hz == pytest.approx(12000 * (1 + faster), rel=0.012)
    assert all(reading.off for _, reading in named)


@pytest.mark.parametrize("line", LINES.values(), ids=list(LINES))
@pytest.mark.parametrize("faster", [0.0, 0.003, -0.003])
def test_a_rate_that_is_right_soon_is_not_doubted_and_never_named(line: Any, faster: float) -> None:
    found = looks(line, faster)
    assert found[0][1]
    assert min(at_s for at_s, doubted, _ in found if not doubted) < 5.0
    assert not any(reading for _, _, reading in found)


def test_what_has_looked_right_for_a_second_is_not_doubted_again() -> None:
    first: Any = FirstLook(1000.0)  # a type checker would hold what it was to be what it is
    for frame in range(1, 30):
        first.note(50 * frame, 0.05 * frame)
    first.interrupted()
    assert first.over
    first.restart()
    assert not first.over
    assert first.doubts()


@pytest.mark.parametrize(
    ("faster", "said"), [(0.008, "0.8% faster"), (-0.007, "0.7% slower"), (0.004, ""), (0.0, "")]
)
def test_a_rate_a_little_off_is_worth_a_word(faster: float, said: str) -> None:
    first, meter, reading = FirstLook(1000.0), RateMeter(1000.0), None
    assert first.remark == ""
    for frame in range(1, 240):
        first.note(50 * frame, 0.05 * frame / (1 + faster))
        reading = meter.update(50 * frame, 0.05 * frame / (1 + faster)) or reading
    assert reading is not None
    for remark in (first.remark, reading.remark):
        assert said in remark
        assert bool(said) == bool(remark)


def golden(file: Any) -> Any:
    manifest = open_trusted(file).manifest
    return [item.samples for item in manifest.golden], manifest.channels


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_model_knows_its_normal_level(file: Any) -> None:
    """Of its golden windows the eight that were recorded: 0.051 to 0.072 g on the four loads."""
    windows, channels = golden(file)
    level = NormalLevel(windows, channels)
    assert 0.05 < level.lowest < 0.06
    for window in windows[:-2]:
        assert level.too_quiet(window) is None
        assert level.too_quiet(np.float32(0.7) * window) is None
        for times in (0.3, 0.1, 1e-2, 1e-4):
            fault = level.too_quiet(np.float32(times) * window + np.float32(1.0))
            assert fault is not None
            assert fault.reason is FaultReason.TOO_QUIET


def triaxial(scale: Any = 1.0, seed: int = 0) -> Any:
    noise = np.random.default_rng(seed).standard_normal((256, 3))
    return (scale * noise * (0.02, 0.05, 0.01) + (0.0, 0.0, 1.0)).astype(np.float32)


def test_a_loose_sensor_is_quiet_on_every_axis_and_a_dead_axis_on_one() -> None:
    level = NormalLevel([triaxial(seed=seed) for seed in range(5)], ("x", "y", "z"))
    assert level.too_quiet(triaxial(seed=9)) is None
    assert level.too_quiet(triaxial((0.3, 1.0, 1.0), seed=9)) is None
    assert "stands still" in str(level.too_quiet(triaxial(0.3, seed=9)))
    assert str(level.too_quiet(triaxial((10.0, 1.0, 0.05), seed=9))).startswith("too_quiet: z alone")
    assert level.too_quiet(np.ones((256, 3), np.float32)) is not None


def test_a_model_whose_golden_windows_say_nothing_finds_nothing_too_quiet() -> None:
    windows: Any
    for windows in ([np.zeros((64, 1))], [np.full((64, 1), 3.0)], [np.arange(8.0)[:, np.newaxis]]):
        level = NormalLevel(windows, ("x",))
        assert level.lowest == 0
        assert level.too_quiet(np.zeros_like(windows[0], dtype=np.float32)) is None


@pytest.mark.parametrize("shape", [(64, 1), (65, 2), (1024, 3)])
def test_the_shortcut_never_clears_what_is_too_quiet(shape: Any) -> None:
    rng = np.random.default_rng(3)
    windows = [rng.standard_normal(shape) for _ in range(4)]
    level = NormalLevel(windows, tuple("xyz"[: shape[1]]))
    for _ in range(300):
        window = (rng.uniform(0.2, 1.2) * rng.standard_normal(shape) + rng.uniform(-5, 5)).astype(np.float32)
        said = level.too_quiet(window) is not None
        rms = window.std(axis=0, dtype=np.float64)
        assert said == (np.exp(np.log(rms).mean()) < 0.44 * level.lowest)


def fan() -> dict[str, Any]:
    """Windows of 128 samples, [n, 128, 3], by how the fan of Shawn Hymel's recordings ran."""
    found: dict[str, Any] = {}
    with zipfile.ZipFile(FULL / "ceiling_fan" / "ceiling_fan.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".csv"):
                table = np.loadtxt(io.BytesIO(archive.read(name)), delimiter=",")
                if len(table) >= 128:
                    found.setdefault(name.split("/")[-2], []).append(table[:128, :3].astype(np.float32))
    return found


@needs("ceiling_fan")
def test_speeds_that_were_left_out_are_not_too_quiet_and_a_fan_that_is_off_is() -> None:
    recorded = fan()
    speeds = {speed: recorded[f"fan_0_{speed}_0_weight"] for speed in ("low", "med", "high")}
    for left_out, windows in speeds.items():
        rest = [window for speed, other in speeds.items() if speed != left_out for window in other]
        level = NormalLevel(rest[:: len(rest) // 60], ("x", "y", "z"))
        assert not any(level.too_quiet(window) for window in windows), left_out
        if left_out != "low":
            continue
        assert all(level.too_quiet(window) for window in recorded["fan_0_off_0_weight"])
