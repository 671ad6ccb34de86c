"""What arrives on a sensor's line: silence, the wrong baud rate, losses, the true rate, and a dead sensor."""

import math
from typing import Final

from edge_runtime.analysis import RATE_TOLERANCE, REMEDIES, Identity, Windower, problem
from edge_runtime.core import (
    ConfigError,
    DataError,
    EdgeError,
    FaultKind,
    Manifest,
    SensorFault,
    UnavailableError,
)
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Finding, Findings, fault, ok, refused, warning
from edge_runtime.doctor.listening import Capture, find_settings, listen
from edge_runtime.doctor.sensor_identity import examine_identity
from edge_runtime.sensors import Port, SensorSettings, device_kind
from edge_runtime.sensors.protocols import new_decoder

BAD_SHARE: Final = 0.01
"""Balances a disturbance now and then, which needs no visit, against a cable that costs windows."""
FULL_SHARE: Final = 0.8
"""A serial line busier than this has no room for a hello or a slower clock."""
WIRE_SHARE: Final = 1.05
"""USB devices ignore the baud rate: more than a wire could carry with any clock is no wire."""
BITS_PER_BYTE: Final = 10
"""On the wire: a start bit, eight of data, a stop bit."""
_DAMAGE: Final = (FaultKind.GARBAGE, FaultKind.CRC, FaultKind.LINE, FaultKind.SCHEMA)


def examine_line(
    port: Port, sensor: SensorSettings, identity: Identity, manifest: Manifest | None, seconds: float
) -> Findings:
    """Listen for `seconds` and judge; `manifest` is None where the model could not be opened."""
    try:
        capture = listen(port, new_decoder(sensor.protocol, sensor.line), seconds)
    except EdgeError as error:
        yield refused(Check.PORT_OPENS, error)
        return
    if not capture.frames:
        yield _explain_no_frames(port.url, sensor, capture)
        return
    what = f"{len(capture.frames)} frames in {capture.seconds:.1f} s"
    yield ok(Check.LINE_FRAMES, sensor.name, what)
    yield from _examine_losses(sensor, capture)
    yield from examine_identity(sensor, identity, capture.hello)
    if manifest is not None:
        yield from _compare_with_model(sensor, capture, identity, manifest)


def _explain_no_frames(url: str, sensor: SensorSettings, capture: Capture) -> Finding:
    absent, name = UnavailableError.exit_code, sensor.name
    if capture.lost:
        remedy = "Check cable, plug and power supply of the sensor"
        return fault(Check.LINE_LOST, name, f"the port went away: {capture.lost}", remedy, absent)
    if not capture.size:
        remedy = "Check the sensor's power, TX to RX wiring, and that its firmware runs"
        if (kind := device_kind(sensor.port)) is not None:
            remedy = kind.silent
        what = f"nothing comes from {sensor.port} in {capture.seconds:.0f} s"
        return fault(Check.LINE_SILENT, name, what, remedy, absent)
    settings = find_settings(url, sensor)
    what = f"{capture.size} bytes at {sensor.baud} baud and no {sensor.protocol} among them"
    if settings is None:
        remedy = "No usual baud rate helps: check ground and wiring, and that the firmware is steadyhum's"
        return fault(Check.LINE_GARBAGE, name, what, remedy, DataError.exit_code)
    baud, protocol = settings
    if baud != sensor.baud:
        remedy = f"Set baud = {baud}: {protocol} come at it"
        return fault(Check.LINE_BAUD, name, what, remedy, ConfigError.exit_code)
    remedy = f'Set protocol = "{protocol}": it speaks that'
    return fault(Check.LINE_PROTOCOL, name, what, remedy, ConfigError.exit_code)


def _examine_losses(sensor: SensorSettings, capture: Capture) -> Findings:
    """Damaged frames, the line's load, samples lost in the sensor, and the rate by this computer's clock."""
    name, share = sensor.name, capture.share(*_DAMAGE)
    if share > BAD_SHARE:
        remedy = "Shorten or shield the cable, tie the grounds together, lower the baud rate"
        what = f"{100 * share:.1f} % of what comes is damaged ({capture.faults[-1].detail})"
        yield warning(Check.LINE_DAMAGED, name, what, remedy)
    share = capture.size / capture.seconds / (sensor.baud / BITS_PER_BYTE)
    if FULL_SHARE < share <= WIRE_SHARE and device_kind(sensor.port) is None:
        what = f"{100 * share:.0f} % of what {sensor.baud} baud can carry is used"
        remedy = "Raise the baud rate at both ends, or send int16 samples in frames"
        yield warning(Check.LINE_FULL, name, what, remedy)
    if lost := (capture.frames[-1].overruns - capture.frames[0].overruns) % 2**16:
        what = f"the sensor lost {lost} samples in {capture.seconds:.1f} s before it could send them"
        remedy = "Lower its sampling rate, or raise the baud rate"
        yield warning(Check.SENSOR_OVERRUNS, name, what, remedy)
    if (rate_hz := capture.rate_hz) is None:
        return
    # Arrivals are known to a frame: over a short time the rate is as uncertain as half of one.
    frame_s = len(capture.frames[0].samples) / sensor.rate_hz
    tolerance = RATE_TOLERANCE + frame_s / capture.seconds / 2
    what = f"measured {rate_hz:.1f} Hz, the configuration says {sensor.rate_hz:g} Hz"
    if abs(rate_hz - sensor.rate_hz) <= tolerance * sensor.rate_hz:
        yield ok(Check.SENSOR_RATE, name, what)
    else:
        remedy = "Set the sensor's rate to what the model was made for, or use a model made for this rate"
        yield fault(Check.SENSOR_RATE, name, what, remedy, DataError.exit_code)


def _compare_with_model(
    sensor: SensorSettings, capture: Capture, identity: Identity, manifest: Manifest
) -> Findings:
    if differences := _differences(capture, identity, manifest):
        remedy = "Connect the sensor the model was made for, or use a model made for this sensor"
        yield fault(Check.SENSOR_AGREEMENT, sensor.name, differences, remedy, DataError.exit_code)
        return
    windower = Windower(manifest.samples, manifest.hop, len(manifest.channels), manifest.rate_hz)
    range_limit = min(identity.range, capture.hello.range if capture.hello else math.inf)
    wrong: SensorFault | None = None
    gaps = 0
    for frame in capture.frames:
        windows, faults = windower.push(frame)
        gaps += sum(fault.kind is FaultKind.GAP for fault in faults)
        found = (problem(window.samples, manifest.channels, range_limit) for window in windows)
        wrong = next((fault_seen for fault_seen in found if fault_seen), wrong)
    if wrong:
        remedy = REMEDIES[wrong.reason]
        yield fault(Check.SENSOR_SIGNAL, sensor.name, str(wrong), remedy, DataError.exit_code)
    else:
        what = "the samples look like those of a working sensor"
        yield ok(Check.SENSOR_SIGNAL, sensor.name, what)
    if gaps and capture.share(*_DAMAGE) <= BAD_SHARE:
        remedy = "Connect it without a hub, or send fewer and longer frames"
        what = f"samples are missing at {gaps} places though frames arrive whole"
        yield warning(Check.LINE_GAPS, sensor.name, what, remedy)


def _differences(capture: Capture, identity: Identity, manifest: Manifest) -> str:
    """In what the sensor is another than the model's; empty where it is the same."""
    frame, wrong = capture.frames[-1], []
    if (count := frame.samples.shape[1]) != len(manifest.channels):
        wrong.append(f"channels: the sensor sends {count}, the model needs {len(manifest.channels)}")
    if abs(frame.rate_hz - manifest.rate_hz) > RATE_TOLERANCE * manifest.rate_hz:
        wrong.append(f"rate: the sensor sends {frame.rate_hz:g} Hz, the model needs {manifest.rate_hz:g} Hz")
    if capture.hello is not None and (others := identity.model_differences(capture.hello)):
        wrong += [*others, *identity.swapped_with(capture.hello)]
    return "; ".join(wrong)
