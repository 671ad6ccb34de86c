"""Acquisitions as Edge Impulse stores them, in JSON: interval, sensors with their units, values.

Layout after Edge Impulse, "Data acquisition format": `payload` with `interval_ms`, `sensors`, `values`.
"""

import json
from typing import IO, Any

import numpy as np

from trainer.formats.contract import WHOLE_VALUES, Content, Refusal, Request, available, numbers
from trainer.formats.units import plain_unit

_OTHER = "Other JSON is not read; export .csv, .npz, .mat or .wav"


def read(stream: IO[bytes], request: Request) -> Content:
    """Read sensors by name, else all in their order, and the rate by the interval. Raises Refusal."""
    text = stream.read(WHOLE_VALUES)
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal("is no JSON, or larger than is read", _OTHER) from error
    payload: Any = found.get("payload") if isinstance(found, dict) else None
    payload = payload if isinstance(payload, dict) else {}
    sensors = payload.get("sensors")
    if not isinstance(sensors, list) or not all(isinstance(sensor, dict) for sensor in sensors):
        raise Refusal("is no acquisition of Edge Impulse: it has no payload with sensors", _OTHER)
    names = [str(sensor.get("name", "")) for sensor in sensors]
    values = numbers(np.asarray(payload.get("values")), "values")
    values = values.reshape(len(values), -1)
    if values.shape[1] != len(names) or len(set(names)) != len(names):
        raise Refusal(f"has {values.shape[1]} values a reading for {len(names)} sensors", _OTHER)
    chosen = _chosen(request, names)
    units = {plain_unit(str(sensors[at].get("units", ""))) for at in chosen} - {""}
    stated: dict[str, float | str] = {}
    if len(units) == 1:
        stated["unit"] = units.pop()
    interval_ms = payload.get("interval_ms")
    if isinstance(interval_ms, int | float) and interval_ms > 0:
        stated["rate_hz"] = 1000.0 / interval_ms
    return Content(values[:, chosen], stated, tuple(names[at] for at in chosen))


def _chosen(request: Request, names: list[str]) -> list[int]:
    """Sensors by their names, or numbers from 1, as asked for; else all where they are as many."""
    for name in request.signals:
        if name not in names and not (name.isdecimal() and 1 <= int(name) <= len(names)):
            raise Refusal(f"has no sensor {name!r}", available(names))
    if request.signals:
        return [names.index(name) if name in names else int(name) - 1 for name in request.signals]
    if set(request.channels) <= set(names) and request.channels:
        return [names.index(channel) for channel in request.channels]
    strangers = len(names) == len(request.channels) and not set(request.channels) & set(names)
    if strangers or not request.channels:
        return list(range(len(names)))
    raise Refusal(f"it is not clear which sensors are {' '.join(request.channels)}", available(names))
