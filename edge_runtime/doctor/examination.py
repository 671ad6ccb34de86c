"""The order of the examination."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from edge_runtime.configuration import Config, identity_of, read_config
from edge_runtime.core import EdgeError, Manifest
from edge_runtime.doctor import broker, history, host, notify, open_alarms, ports, serial_line, storage, unit
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Findings, Level, ok, refused, skipped, warning
from edge_runtime.doctor.host import Host
from edge_runtime.spool import service_pid

BOOT_FOLDERS: Final = ("/boot/firmware/steadyhum", "/boot/steadyhum")
"""Where a prepared card has its files: the boot partition of Debian 12 and later, and of earlier ones."""


def examine(path: Path, host_seen: Host, listen_s: float = 5.0) -> Findings:
    """Examine this gateway with the configuration at `path`, listening `listen_s` seconds to each sensor.

    Raises nothing that a check can meet: each becomes a finding. Run it to its end as one user, root or the
    service's.
    """
    yield from host.examine_host(host_seen)
    yield from unit.examine_unit(host_seen)
    for folder in BOOT_FOLDERS:
        if keys := sorted(host_seen.path(folder).rglob("*.key")):
            what = f"{', '.join(key.name for key in keys)} lies on the card's open partition"
            remedy = f"Delete {folder}: whoever holds the card can read it"
            yield warning(Check.SECRETS_LEFT, folder, what, remedy)
    libraries = host.try_libraries()
    yield libraries
    try:
        with host.acting_as_service(host_seen):
            config = read_config(path)
    except EdgeError as error:
        yield refused(Check.CONFIG, error)
        return
    yield ok(Check.CONFIG, str(path), f"{len(config.sensor)} sensors")
    yield from _as_service(host_seen, lambda: storage.examine_storage(host_seen, config))
    for check in (history.examine_history, notify.examine_notify, open_alarms.examine_alarms):
        yield from _as_service(host_seen, partial(check, config))
    manifests: dict[Path, Manifest] = {}
    if libraries.level is Level.OK:
        # They import onnxruntime, which has just been tried.
        from edge_runtime.doctor import commissioning, models  # noqa: PLC0415

        yield from _as_service(host_seen, lambda: models.examine_models(config, manifests))
        yield from _as_service(host_seen, lambda: commissioning.examine_commissioning(host_seen, config))
    else:
        yield skipped(Check.MODEL_OPENS, str(path), "onnxruntime does not run here")
    yield from _sensors(host_seen, config, manifests, listen_s)
    yield from _as_service(host_seen, lambda: broker.examine_broker(config))


def _as_service(seen: Host, check: Callable[[], Findings]) -> Findings:
    with host.acting_as_service(seen):
        findings = list(check())  # all at once: the caller must not act as the service in between
    yield from findings


def _sensors(seen: Host, config: Config, manifests: dict[Path, Manifest], listen_s: float) -> Findings:
    service = service_pid(config.state_folder)
    for sensor in config.sensor:
        *_, last = findings = list(ports.examine_port(seen, sensor, service))
        yield from findings
        if last.check is Check.PORT_OPENS and last.level is Level.OK:
            port = ports.port(seen, sensor)
            identity, manifest = identity_of(sensor, config), manifests.get(sensor.model)
            if manifest is not None:  # a site that contradicts its model is a finding about the model
                channels = sensor.hello_channels or manifest.channels
                identity = replace(identity, unit=manifest.unit, channels=channels)
            yield from serial_line.examine_line(port, sensor, identity, manifest, listen_s)
        else:
            yield skipped(Check.LINE_FRAMES, sensor.name, f"not listened to: {last.what}")
