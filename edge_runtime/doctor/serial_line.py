"""What a sensor's line tells: silence, garbage and the right baud rate, losses, rate, and a dead sensor."""

import math
from collections.abc import Callable
from typing import Final

from edge_runtime.analysis import RATE_TOLERANCE, REMEDIES, Windower, problem
from edge_runtime.core import EdgeError, FaultKind, Manifest, SensorFault
from edge_runtime.doctor.findings import Finding, Findings, fault, ok, refused, warning
from edge_runtime.doctor.listening import Heard, hear, right_settings
from edge_runtime.sensors import SensorSettings
from edge_runtime.sensors.protocols import new_decoder

BAD_SHARE: Final = 0.01
"""More damaged frames than this are no accident."""
FULL_SHARE: Final = 0.8
"""A serial line busier than this has no room for a hello or a slower clock."""
_DAMAGE: Final = (FaultKind.GARBAGE, FaultKind.CRC, FaultKind.LINE, FaultKind.SCHEMA)
_DATA: Final = 65
_CONFIG: Final = 78
_ABSENT: Final = 69


def examine_line(url: str, sensor: SensorSettings, manifest: Manifest | None, seconds: float) -> Findings:
    """Listen for `seconds` and judge; `manifest` is None where the model could not be opened."""
    try:
        heard = hear(url, sensor.baud, new_decoder(sensor.protocol, sensor.line), seconds)
    except EdgeError as error:
        yield refused("port.opens", error)
        return
    if not heard.frames:
        yield _no_frames(url, sensor, heard)
        return
    yield ok("line.frames", sensor.name, f"{len(heard.frames)} frames in {heard.seconds:.1f} s")
    for judge in _JUDGES:
        yield from judge(sensor, heard)
    if manifest is not None:
        yield from _against_model(sensor, heard, manifest)


def _no_frames(url: str, sensor: SensorSettings, heard: Heard) -> Finding:
    if heard.lost:
        remedy = "Check cable, plug and power supply of the sensor"
        return fault("line.lost", sensor.name, f"the port went away: {heard.lost}", remedy, _ABSENT)
    if not heard.size:
        remedy = "Check the sensor's power, TX to RX wiring, and that its firmware runs"
        what = f"nothing comes from {sensor.port} in {heard.seconds:.0f} s"
        return fault("line.silent", sensor.name, what, remedy, _ABSENT)
    settings = right_settings(url, sensor)
    what = f"{heard.size} bytes at {sensor.baud} baud and no {sensor.protocol} among them"
    if settings is None:
        remedy = "No usual baud rate helps: check ground and wiring, and that the firmware is steadyhum's"
        return fault("line.garbage", sensor.name, what, remedy, _DATA)
    baud, protocol = settings
    if baud != sensor.baud:
        return fault("line.baud", sensor.name, what, f"Set baud = {baud}: {protocol} come at it", _CONFIG)
    return fault("line.protocol", sensor.name, what, f'Set protocol = "{protocol}": it speaks that', _CONFIG)


def _damaged(sensor: SensorSettings, heard: Heard) -> Findings:
    share = heard.share(*_DAMAGE)
    if share > BAD_SHARE:
        remedy = "Shorten or shield the cable, tie the grounds together, lower the baud rate"
        what = f"{100 * share:.1f} % of what comes is damaged ({heard.faults[-1].detail})"
        yield warning("line.damaged", sensor.name, what, remedy)


def _budget(sensor: SensorSettings, heard: Heard) -> Findings:
    share = heard.size / heard.seconds / (sensor.baud / 10)
    # USB devices ignore the baud rate: more than the wire could carry is no wire.
    if FULL_SHARE < share <= 1.05:
        what = f"{100 * share:.0f} % of what {sensor.baud} baud can carry is used"
        remedy = "Raise the baud rate at both ends, or send int16 samples in frames"
        yield warning("line.full", sensor.name, what, remedy)


def _overruns(sensor: SensorSettings, heard: Heard) -> Findings:
    lost = (heard.frames[-1].overruns - heard.frames[0].overruns) % 2**16
    if lost:
        what = f"the sensor lost {lost} samples in {heard.seconds:.1f} s before it could send them"
        yield warning("sensor.overruns", sensor.name, what, "Lower its sampling rate, or raise the baud rate")


def _measured(sensor: SensorSettings, heard: Heard) -> Findings:
    rate_hz = heard.rate_hz
    if rate_hz is None:
        return
    frame_s = len(heard.frames[0].samples) / sensor.rate_hz
    tolerance = RATE_TOLERANCE + frame_s / heard.seconds / 2
    what = f"measured {rate_hz:.1f} Hz, the configuration says {sensor.rate_hz:g} Hz"
    if abs(rate_hz - sensor.rate_hz) <= tolerance * sensor.rate_hz:
        yield ok("sensor.rate", sensor.name, what)
        return
    remedy = "Set the sensor's rate to what the model was made for, or use a model made for this rate"
    yield fault("sensor.rate", sensor.name, what, remedy, _DATA)


_JUDGES: Final[tuple[Callable[[SensorSettings, Heard], Findings], ...]] = (
    _damaged,
    _budget,
    _overruns,
    _measured,
)


def _against_model(sensor: SensorSettings, heard: Heard, manifest: Manifest) -> Findings:
    if (unlike := _unlike(heard, manifest)) is not None:
        remedy = "Connect the sensor the model was made for, or use a model made for this sensor"
        yield fault("sensor.agreement", sensor.name, unlike, remedy, _DATA)
        return
    windower = Windower(manifest.samples, manifest.hop, len(manifest.channels), manifest.rate_hz)
    reach = sensor.range or (heard.hello.range if heard.hello else math.inf)
    wrong: SensorFault | None = None
    gaps = 0
    for frame in heard.frames:
        windows, faults = windower.push(frame)
        gaps += sum(fault.kind is FaultKind.GAP for fault in faults)
        wrong = next(
            (seen for window in windows if (seen := problem(window.samples, manifest.channels, reach))), wrong
        )
    yield _signal(sensor, wrong)
    if gaps and heard.share(*_DAMAGE) <= BAD_SHARE:
        remedy = "Connect it without a hub, or send fewer and longer frames"
        what = f"samples are missing at {gaps} places though frames arrive whole"
        yield warning("line.gaps", sensor.name, what, remedy)


def _unlike(heard: Heard, manifest: Manifest) -> str | None:
    frame, hello = heard.frames[-1], heard.hello
    pairs: list[tuple[str, object, object]] = [
        ("channels", frame.samples.shape[1], len(manifest.channels)),
        ("unit", hello.unit if hello else manifest.unit, manifest.unit),
    ]
    if abs(frame.rate_hz - manifest.rate_hz) > RATE_TOLERANCE * manifest.rate_hz:
        pairs.append(("rate", f"{frame.rate_hz:g} Hz", f"{manifest.rate_hz:g} Hz"))
    wrong = [
        f"{name}: the sensor sends {here}, the model needs {made}"
        for name, here, made in pairs
        if here != made
    ]
    return "; ".join(wrong) or None


def _signal(sensor: SensorSettings, wrong: SensorFault | None) -> Finding:
    if wrong is None:
        return ok("sensor.signal", sensor.name, "the samples look like those of a working sensor")
    return fault("sensor.signal", sensor.name, str(wrong), REMEDIES[wrong.reason], _DATA)
