"""Numbers in Prometheus's text format, version 0.0.4: `exposition`. Pure.

https://prometheus.io/docs/instrumenting/exposition_formats/ and, for names and units,
https://prometheus.io/docs/practices/naming/: a counter ends in `_total`, times are in seconds. Names are made
from those of the health message, so that whoever knows one knows the other.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from edge_runtime.core import AlarmKind
from edge_runtime.messages.metrics.figures import FIGURES, SENSOR_FIGURES

PREFIX: Final = "edge_runtime_"
_CLASSES: Final = ("alarm", "telemetry")
"""Of stored messages: where a figure's name has one, it is a label."""
_UNITS: Final = {
    "clock.stepped_s": ("clock_stepped_seconds", 1.0),
    "spool.oldest_age_s": ("spool_oldest_age_seconds", 1.0),
    "spool.hours_of_capacity": ("spool_capacity_seconds", 3600.0),
    "rate_hz": ("rate_hertz", 1.0),
}
"""Figures with a unit that Prometheus writes otherwise, and by what they are multiplied."""
_FAULTS: Final = "faults."
_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
"""Of a label's value."""
Labels = Mapping[str, str]


class _Families:
    """Samples by metric, in the order in which the metrics first came."""

    def __init__(self) -> None:
        self._samples: dict[str, list[str]] = {}
        self._heads: dict[str, str] = {}

    def add(self, name: str, kind: str, meaning: str, value: object, labels: Labels | None = None) -> None:
        """Add a sample; one without a value is left out."""
        if isinstance(value, bool):
            value = int(value)
        if not isinstance(value, (int, float)) or math.isnan(value):
            return
        name = PREFIX + name + ("_total" if kind == "counter" else "")
        said = meaning.replace("`", "").replace("\\", "\\\\").replace("\n", " ")
        self._heads.setdefault(name, f"# HELP {name} {said}\n# TYPE {name} {kind}\n")
        inner = ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in (labels or {}).items())
        shown = {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, repr(value))
        self._samples.setdefault(name, []).append(
            f"{name}{{{inner}}} {shown}\n" if inner else f"{name} {shown}\n"
        )

    def lines(self) -> Iterator[str]:
        for name, samples in self._samples.items():
            yield self._heads[name]
            yield from samples


def exposition(about: Mapping[str, Any], said: Mapping[str, Any] | None) -> str:
    """What the service says of itself, by `hello` and `health` of its door, as text.

    `said` is None while it does not answer: then that alone is told.
    """
    found = _Families()
    found.add("up", "gauge", "1 while the service answers at its local socket, else 0.", said is not None)
    if said is not None:
        names = {"site": about.get("site"), "device": about.get("device"), "version": about.get("program")}
        labels = {name: str(text) for name, text in names.items()}
        found.add("info", "gauge", "Always 1; the labels say which service this is.", 1, labels)
        found.add("uptime_seconds", "gauge", "Since the service began.", said.get("up_s"))
        troubles = said.get("troubles", {})
        found.add("troubles", "gauge", "What is wrong with the gateway: how many troubles.", len(troubles))
        for name in troubles:
            found.add("trouble", "gauge", "1 for each trouble that there is.", 1, {"name": name})
        _add_figures(found, said.get("figures", {}))
        for sensor in said.get("sensors", ()):
            _add_sensor(found, sensor)
    return "".join(found.lines())


def _add_figures(found: _Families, figures: Mapping[str, object]) -> None:
    for name, value in figures.items():
        known, labels = _known(name)
        if known not in FIGURES:
            continue
        kind, meaning = FIGURES[known]
        written, number = _in_units(known, known.replace(".<class>", "").replace(".", "_"), value)
        found.add(written, kind, meaning.replace("Hours", "Seconds"), number, labels)


def _add_sensor(found: _Families, sensor: Mapping[str, Any]) -> None:
    labels = {"sensor": str(sensor["name"])}
    for name, value in sensor.get("figures", {}).items():
        if name.startswith(_FAULTS):
            kind, meaning = SENSOR_FIGURES[f"{_FAULTS}<kind>"]
            of_kind = {**labels, "kind": name.removeprefix(_FAULTS)}
            found.add("sensor_faults", kind, meaning, value, of_kind)
        elif name in SENSOR_FIGURES:
            kind, meaning = SENSOR_FIGURES[name]
            written, number = _in_units(name, name, value)
            found.add(f"sensor_{written}", kind, meaning, number, labels)
    said = "1 while something is wrong with the sensor or its line."
    found.add("sensor_troubled", "gauge", said, bool(sensor.get("trouble")), labels)
    said = "Score of the latest window, in its detector's unit; higher is more anomalous."
    found.add("sensor_score", "gauge", said, sensor.get("score"), labels)
    said = "Score above which a window counts as anomalous."
    found.add("sensor_threshold", "gauge", said, sensor.get("threshold"), labels)
    for of_alarm in AlarmKind:
        count = sensor.get("alarms", {}).get(str(of_alarm), 0)
        said = "Open alarms of the sensor, by kind."
        found.add("sensor_open_alarms", "gauge", said, count, {**labels, "kind": str(of_alarm)})


def _in_units(name: str, written: str, value: object) -> tuple[str, object]:
    """A figure's name and value in Prometheus's units."""
    if name not in _UNITS or not isinstance(value, (int, float)):
        return written, value
    written, factor = _UNITS[name]
    return written, value * factor


def _known(name: str) -> tuple[str, Labels]:
    """The figure's name in the table, and what of it is a label."""
    for klass in _CLASSES:
        general = name.replace(f".{klass}.", ".<class>.")
        if name not in FIGURES and general != name:
            return general, {"class": klass}
    return name, {}
