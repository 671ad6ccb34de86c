"""Make plans from sheet, models, authority and packages; all checks are made here, nothing is written."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.certification.certificates import Pair, sign_detached
from deploy.certification.folder import Folder, digest_lines
from deploy.provisioning import cloudinit
from deploy.provisioning.cells import Platform
from deploy.provisioning.plan import HERE, CardPlan
from deploy.provisioning.settings import config_text, model_file
from deploy.provisioning.sheet import Device
from edge_runtime.core import ArtefactError, ConfigError, Manifest
from edge_runtime.gateway.backup import CONTENTS, read_contents
from edge_runtime.models import DIGESTS, SIGNATURE, Standardisation, load_model

_DEB_MAGIC: Final = b"!<arch>\ndebian-binary"


@dataclass(frozen=True, slots=True)
class Stock:
    """What devices are made from."""

    models: Path
    authority: Folder
    packages: tuple[Path, ...]
    """One for each release of the system that devices may run."""
    ssh_keys: tuple[str, ...] = ()
    """Public keys that may log in."""
    backup: Path | None = None
    """What `edge-runtime backup` saved of the one device that is planned, for its first boot."""


def make_plans(devices: Sequence[Device], stock: Stock, now: dt.datetime) -> list[CardPlan]:
    """Plan every device. Raises ConfigError, ArtefactError or AccessError for the first thing wrong."""
    manifests = _manifests(devices, stock.models)
    authority = stock.authority.authority(now)
    plans = []
    for device in devices:
        written = _texts(device, manifests) | _first_boot(device, stock.ssh_keys, now)
        texts = {name: text.encode() for name, text in written.items()}
        sums = _model_digests(device, stock.models)
        texts["steadyhum/ca.crt"] = authority.certificate_pem
        texts[f"steadyhum/models/{DIGESTS}"] = sums
        texts[f"steadyhum/models/{SIGNATURE}"] = sign_detached(authority, sums, now)
        plans.append(_plan(device, stock, texts, stock.authority.valid_device(device.name, now)))
    return plans


def _plan(device: Device, stock: Stock, texts: dict[str, bytes], pair: Pair | None) -> CardPlan:
    copies = {f"steadyhum/models/{file}": stock.models / file for file in _files(device)}
    copies |= {f"steadyhum/{package.name}": package for package in stock.packages}
    copies |= _saved(device, stock.backup)
    return CardPlan(device, texts, copies, pair)


def _saved(device: Device, backup: Path | None) -> dict[str, Path]:
    """The files of a backup by their place on the card. Raises what reading it raises."""
    if backup is None:
        return {}
    contents = read_contents(backup)
    if (contents.site, contents.device) != (device.site, device.name):
        what = f"is a backup of {contents.site}/{contents.device}, and not of {device.site}/{device.name}"
        raise ConfigError(what, where=str(backup), remedy="Give the backup of this device")
    return {f"steadyhum/backup/{name}": backup / name for name in (*contents.files, CONTENTS)}


def _texts(device: Device, manifests: dict[str, Manifest]) -> dict[str, str]:
    return {
        "steadyhum/config.toml": config_text(device, manifests),
        "steadyhum/install.sh": (HERE / "install.sh").read_text(),
    }


def _first_boot(device: Device, ssh_keys: tuple[str, ...], now: dt.datetime) -> dict[str, str]:
    if device.platform is not Platform.PI:
        return {}
    texts = cloudinit.files(device, ssh_keys, now)
    cloudinit.check_schema(texts["user-data"])
    return texts


def _manifests(devices: Sequence[Device], models: Path) -> dict[str, Manifest]:
    wanted = {sensor.file: device.name for device in devices for sensor in device.sensors if sensor.file}
    adapted = {sensor.base_model for device in devices for sensor in device.sensors}
    found = {}
    for name, device in wanted.items():
        path = models / model_file(name)
        if not path.is_file():
            known = ", ".join(sorted(file.name for file in models.glob("*.onnx"))) or "none"
            remedy = f"Correct the sheet, or put the file there; there are: {known}"
            raise ArtefactError(f"no model {name!r}, which {device} needs", where=str(models), remedy=remedy)
        artefact = load_model(path)
        if name in adapted:  # the device would refuse one that cannot be
            Standardisation(artefact)
        found[name] = artefact.manifest
    return found


def _model_digests(device: Device, models: Path) -> bytes:
    return digest_lines({file: (models / file).read_bytes() for file in _files(device)})


def _files(device: Device) -> set[str]:
    """The models' files that a device needs."""
    return {model_file(sensor.file) for sensor in device.sensors if sensor.file}


def find_packages(place: Path, arch: str) -> tuple[Path, ...]:
    """The package at `place`, or every one for the processor in a folder. Raises ConfigError for none."""
    found = sorted(place.glob(f"*_{arch}.deb")) if place.is_dir() else [place]
    if not found:
        remedy = "Build them with `make deb`, or name the processor with --arch"
        raise ConfigError(f"no package for {arch} here", where=str(place), remedy=remedy)
    for package in found:
        _check_package(package, arch)
    return tuple(found)


def _check_package(package: Path, arch: str) -> None:
    try:
        with package.open("rb") as file:
            magic = file.read(len(_DEB_MAGIC))
    except OSError as error:
        what = error.strerror or "cannot be read"
        raise ConfigError(what, where=str(package), remedy="Build it with `make deb`") from error
    if magic != _DEB_MAGIC:
        remedy = "Give the .deb for the devices' processor, usually arm64"
        raise ConfigError("is no Debian package", where=str(package), remedy=remedy)
    if not package.stem.endswith(f"_{arch}"):
        remedy = f"Give the one that ends in _{arch}.deb, or name another processor with --arch"
        raise ConfigError(f"is not for {arch}", where=str(package), remedy=remedy)
