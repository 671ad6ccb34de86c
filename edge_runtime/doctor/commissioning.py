"""Sensors that learn: how far each is, whether what it learnt can be used, and what waits for a person."""

from pathlib import Path
from typing import Final

from edge_runtime.book import Stage
from edge_runtime.configuration import Config
from edge_runtime.core import DELIVERED, DataError
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Finding, Findings, fault, ok, warning
from edge_runtime.doctor.host import Host
from edge_runtime.pipeline import Commissioned, read_commissioned

UNITS: Final = (
    Path("/usr/lib/systemd/system/steadyhum-learn.path"),
    Path("/etc/systemd/system/steadyhum-learn.path"),
)
"""What starts the learner when the service asks it."""
_LEARN: Final = (
    "Record the machine in good order (edge-runtime record), then: edge-runtime commission {name} learn"
)


def examine_commissioning(host: Host, config: Config) -> Findings:
    """Examine every sensor that learns, and every one whose delivered model was adapted."""
    learning = [sensor.name for sensor in config.sensor if sensor.learns]
    if learning:
        yield _examine_learner(host, learning)
    for sensor in config.sensor if config.learning.allow else ():
        found = read_commissioned(config.state_folder, sensor.name, delivered=not sensor.learns)[0]
        if not found.as_shipped or found.problem or found.record.asks:
            yield _examine(sensor.name, found)


def _examine_learner(host: Host, learning: list[str]) -> Finding:
    if any(host.path(str(unit)).exists() for unit in UNITS):
        return ok(Check.LEARNER, "steadyhum-learn", "the learner is installed")
    what = f"the learner is not installed, and {', '.join(learning)} learn"
    remedy = "Install the package steadyhum-learn, or learn on a workstation: trainer learn"
    return warning(Check.LEARNER, "steadyhum-learn", what, remedy)


def _examine(name: str, commissioned: Commissioned) -> Finding:
    record, baseline = commissioned.record, commissioned.baseline
    if commissioned.problem:
        again = "retire, then adapt" if commissioned.delivered else "learn"
        remedy = (
            f"Restore a backup (edge-runtime restore), or begin again: edge-runtime commission {name} {again}"
        )
        return fault(Check.COMMISSIONING, name, commissioned.problem, remedy, DataError.exit_code)
    if record.asks:
        remedy = f"See how it stands: edge-runtime commission {name}"
        return warning(Check.COMMISSIONING, name, f"{commissioned.stage or DELIVERED}: {record.asks}", remedy)
    if record.stage is Stage.RETIRED or (record.stage is Stage.LEARNING and not record.request):
        what = f"{record.stage}: nothing watches its machine"
        return warning(Check.COMMISSIONING, name, what, _LEARN.format(name=name))
    rests_on = "" if baseline is None else f", {baseline.rests_on}"
    return ok(Check.COMMISSIONING, name, f"{record.stage}{rests_on}")
