"""A plant with a repository, and a device that has taken up its first model and is offered the second.

Each attack gets a copy of both, changes what an attacker could, and lets the device look.
"""

import datetime as dt
import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, TargetFile

from deploy.certification.passphrase import Passphrase
from deploy.publishing.keys import read_key
from deploy.publishing.lists import Lifetimes
from deploy.publishing.repository import Repository
from edge_runtime.configuration.config import Config, read_config
from edge_runtime.core.errors import EdgeError
from edge_runtime.gateway.updates.places import CURRENT, Places
from edge_runtime.gateway.updates.target_path import TargetPath
from edge_runtime.gateway.updates.updating import update
from tests.artefacts import write_artefact
from tests.edge.sites import CONFIG

PUMP = TargetPath("plant", "device", "gateway", "pump", "second")
FIRST = TargetPath("plant", "device", "gateway", "pump", "first")
OTHER = TargetPath("plant", "device", "gateway", "fan", "other")
ALLOWED = '[updates]\nroot = "trusted.json"\ngroups = ["presses"]\n'


@dataclass(slots=True)
class Case:
    """A copy of the plant and the device, for one attack."""

    folder: Path

    @property
    def repository(self) -> Repository:
        return Repository(self.folder / "models")

    @property
    def stick(self) -> Path:
        """What the device is offered."""
        return self.folder / "models" / "repository"

    @property
    def metadata(self) -> Path:
        return self.stick / "metadata"

    @property
    def config(self) -> Config:
        return read_config(self.folder / "edge.toml")

    @property
    def places(self) -> Places:
        return Places(self.folder / "state")

    def key(self, name: str) -> CryptoSigner:
        return read_key(self.repository.keys / f"{name}.pem", Passphrase())

    def file_of(self, role: str) -> Path:
        """The newest file of a list; with two numbers in the name the larger."""
        if role == "timestamp":
            return self.metadata / "timestamp.json"
        found = self.metadata.glob(f"*.{role}.json")
        return max(found, key=lambda path: int(path.name.partition(".")[0]))

    def target_file(self, path: TargetPath = PUMP) -> Path:
        """The file of what is published."""
        target = self.repository.targets().targets[str(path)]
        place, _, name = str(path).rpartition("/")
        return self.stick / "targets" / place / f"{target.hashes['sha256']}.{name}"

    def change(self, role: str, edit: Callable[[Any], object], *signers: str, name: str = "") -> None:
        """Edit a list in its place, or under another name, and sign it with these keys, or its own."""
        file = self.file_of(role)
        metadata: Metadata[Any] = Metadata.from_file(str(file))
        edit(metadata.signed)
        metadata.signatures.clear()
        for signer in signers or (role,):
            metadata.sign(self.key(signer), append=True)
        (self.metadata / name if name else file).write_bytes(metadata.to_bytes())

    def name_again(self) -> None:
        """Let snapshot and timestamp name what is there now, as one with these keys can."""
        targets = self.file_of("targets")
        version = Metadata.from_file(str(targets)).signed.version
        meta = {"targets.json": MetaFile.from_data(version, targets.read_bytes(), ["sha256"])}
        number = int(self.file_of("snapshot").name.partition(".")[0]) + 1

        def name_targets(signed: Any) -> None:
            signed.meta.update(meta)
            signed.version = number

        self.change("snapshot", name_targets, name=f"{number}.snapshot.json")
        snapshot = MetaFile.from_data(number, self.file_of("snapshot").read_bytes(), ["sha256"])

        def name_snapshot(signed: Any) -> None:
            signed.snapshot_meta = snapshot
            signed.version += 1

        self.change("timestamp", name_snapshot)

    def publish(self, data: bytes, path: TargetPath | str = PUMP, **more: Any) -> None:
        """Publish with the plant's own keys whatever this is, under any name: no check of ours is asked."""
        target = TargetFile.from_data(str(path), data, more.pop("hashes", ["sha256"]))

        def edit(signed: Any) -> None:
            if more.pop("alone", True):
                signed.targets.clear()
            signed.targets[str(path)] = target
            signed.version += 1

        prefix = next(iter(target.hashes.values()))
        place, _, name = str(path).rpartition("/")
        file = self.stick / "targets" / place / f"{prefix}.{name}"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        except (OSError, ValueError):  # a name that no file can have
            pass
        version = int(self.file_of("targets").name.partition(".")[0]) + 1
        self.change("targets", edit, name=f"{version}.targets.json")
        self.name_again()

    def look(self, source: str = "") -> str:
        """Let the device look; what it says, one line for each sensor."""
        try:
            outcomes = list(update(self.config, source or str(self.stick)))
        except EdgeError as error:
            return f"refused: {error}"
        return "\n".join(f"{each.what}: {each.why}" for each in outcomes if each.sensor == "pump")

    def runs(self) -> str:
        """SHA-256 of what is run."""
        return self.places.sensor("pump").linked(CURRENT)


class Lab:
    """Makes the plant once, and copies of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._count = folder, 0
        base = Case(folder / "base")
        base.folder.mkdir(parents=True)
        now = dt.datetime.now(dt.UTC)
        base.repository.init(3, 2, Lifetimes(), now, encrypt=False)
        for _ in range(3):  # versions that leave room for older ones
            base.repository.renew([], now)
        write_artefact(base.folder / "rms.onnx")
        self.first = write_artefact(folder / "first.onnx", name="first", threshold=1.5).read_bytes()
        self.second = write_artefact(folder / "second.onnx", name="second", threshold=1.7).read_bytes()
        self.other = write_artefact(folder / "other.onnx", name="other", threshold=1.9).read_bytes()
        base.repository.publish({FIRST: self.first, OTHER: self.other}, now)
        shutil.copy(base.folder / "models" / "root.json", base.folder / "trusted.json")
        (base.folder / "state").mkdir()
        config = CONFIG.format(port=1, line="/dev/null").replace("[[sensor]]", f"{ALLOWED}[[sensor]]")
        (base.folder / "edge.toml").write_text(config)
        said = base.look()
        assert said.startswith("new"), said
        shutil.copytree(base.folder / "models", folder / "early", symlinks=True)
        base.repository.publish({PUMP: self.second}, now)
        self.base = base

    @property
    def early(self) -> Path:
        """The plant's folder as it was when the device looked."""
        return self.folder / "early"

    def case(self) -> Case:
        """A copy."""
        self._count += 1
        copy = Case(self.folder / f"case{self._count}")
        shutil.copytree(self.base.folder, copy.folder, symlinks=True)
        return copy

    @property
    def first_digest(self) -> str:
        return hashlib.sha256(self.first).hexdigest()


Attack = Callable[[Lab], Iterator[tuple[str, Callable[[Case], object]]]]
"""Yields variants: a name, and what it does to a case; text where it looked itself, what was said."""


def bound(change: Callable[..., object], *values: object) -> Callable[[Case], object]:
    """A change with these values."""
    return lambda case: change(case, *values)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of attack."""

    name: str
    says: str
    """A regular expression that the refusal fits: its own check refused it, and not another's."""
    attack: Attack


KINDS: dict[str, Kind] = {}


def kind(says: str) -> Callable[[Attack], Attack]:
    """Register a kind under the function's name."""

    def register(attack: Attack) -> Attack:
        KINDS[attack.__name__] = Kind(attack.__name__, says, attack)
        return attack

    return register
