"""The signed lists of a repository, read and written: `Lists`.

    root.json                    which keys count now; goes onto every device
    lifetimes.json               for how many days each list is good
    keys/                        see `keys`
    repository/metadata, targets what goes onto a stick, as `steadyhum-models`, or onto a static server

They are those of The Update Framework, specification 1.0, with consistent snapshots. The timestamp is written
last and in one step: what a kill leaves unfinished is named by none, and written over.
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError, StorageError, UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from deploy.certification.passphrase import Passphrase
from deploy.publishing.keys import read_key
from edge_runtime.core import AccessError, ConfigError, write_whole

ROLES: Final = ("targets", "snapshot", "timestamp")
"""Whose keys stay on the workstation; those of root do not."""
S = TypeVar("S", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Days for which each list is good from when it is signed."""

    root: int = 1825
    """Five years: to renew it takes the keys in the drawers; a device that missed it is provisioned again."""
    targets: int = 730
    """Two years: nobody who holds this key may forget for longer that it signs."""
    stick: int = 30
    """Of snapshot and timestamp: how old a stick, or a copy, may be when it is used."""

    def of(self, role: str) -> int:
        """Of one list."""
        return {"root": self.root, "targets": self.targets}.get(role, self.stick)


def unsigned(signed: S) -> S:
    """A list that was never signed: signing it makes it version 1."""
    signed.version = 0
    return signed


@dataclass(frozen=True, slots=True)
class Lists:
    """Where they are."""

    folder: Path
    passphrase: Passphrase = field(default_factory=Passphrase, compare=False)
    """Called where a key is encrypted."""

    @property
    def keys(self) -> Path:
        """Of the keys."""
        return self.folder / "keys"

    @property
    def public(self) -> Path:
        """What is copied and served."""
        return self.folder / "repository"

    def targets(self) -> Targets:
        """What is published. Raises ConfigError where there is no repository."""
        snapshot = self.read("snapshot", Snapshot)
        return self.read("targets", Targets, snapshot.meta["targets.json"].version)

    def read(self, role: str, kind: type[S], version: int = 0) -> S:
        """One list, `version` of it where that is known. Raises ConfigError."""
        metadata = self.public / "metadata"
        try:
            if role == "snapshot":
                version = self.read("timestamp", Timestamp).snapshot_meta.version
            path = metadata / (f"{version}.{role}.json" if version else f"{role}.json")
            if role == "root":
                path = self.folder / "root.json"
            found = Metadata[S].from_file(str(path))
        except (OSError, StorageError, RepositoryError, ValueError) as error:
            remedy = "Make one with `deploy/authority models init`, or bring its files back"
            what = f"there is no repository here that can be read ({role})"
            raise ConfigError(what, where=str(self.folder), remedy=remedy) from error
        if not isinstance(found.signed, kind):
            raise ConfigError(f"is no {role}", where=str(path), remedy="Bring the right file back")
        return found.signed

    def lifetimes(self) -> Lifetimes:
        """For how many days each list is good. Raises ConfigError."""
        path = self.folder / "lifetimes.json"
        try:
            return Lifetimes(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError("cannot be read", where=str(path), remedy="Bring it back") from error

    def write_root(self, root: Root, signers: Sequence[CryptoSigner], now: dt.datetime) -> None:
        """Sign and write the next root. Raises AccessError where too few of its keys are there."""
        former = None if root.version == 0 else self.read("root", Root)
        root.version += 1
        root.expires = self.until("root", now)
        signed = Metadata(root)
        for signer in signers:
            signed.sign(signer, append=True)
        data = signed.to_bytes()
        try:
            for judge in filter(None, (former, root)):
                judge.verify_delegate("root", signed.signed_bytes, signed.signatures)
        except UnsignedMetadataError as error:
            threshold = root.roles["root"].threshold
            remedy = f"Give the files of {threshold} keys of root by --root-key; nothing was changed"
            raise AccessError("too few keys of root are here", where=str(self.keys), remedy=remedy) from error
        write_whole(self.public / "metadata" / f"{root.version}.root.json", data)
        write_whole(self.folder / "root.json", data)

    def write_lists(self, targets: Targets, now: dt.datetime, *, changed: bool = True) -> None:
        """Sign and write what is published; the targets only where they changed, or are half over."""
        snapshot, timestamp = unsigned(Snapshot()), unsigned(Timestamp())
        if targets.version:
            snapshot, timestamp = self.read("snapshot", Snapshot), self.read("timestamp", Timestamp)
        if changed or targets.expires - now < dt.timedelta(days=self.lifetimes().targets / 2):
            snapshot.meta["targets.json"] = self.sign("targets", targets, now)
        timestamp.snapshot_meta = self.sign("snapshot", snapshot, now)
        self.sign("timestamp", timestamp, now)
        kept = {"targets": snapshot.meta["targets.json"].version, "snapshot": snapshot.version}
        for role, version in kept.items():
            for path in (self.public / "metadata").glob(f"*.{role}.json"):
                # The one before stays for whoever is in the middle of fetching it.
                if int(path.name.partition(".")[0]) < version - 1:
                    path.unlink()

    def sign(self, role: str, signed: S, now: dt.datetime) -> MetaFile:
        """Sign and write the next version of a list; how the list that names it is to name it."""
        signed.version += 1
        signed.expires = self.until(role, now)
        path = self.keys / f"{role}.pem"
        signer = read_key(path, self.passphrase)
        if signer.public_key.keyid not in self.read("root", Root).roles[role].keyids:
            remedy = (
                f"Where {path.stem}.new lies beside it, a change was interrupted: move it over {path.name}"
            )
            raise ConfigError("is not the key that root names", where=str(path), remedy=remedy)
        metadata = Metadata(signed)
        metadata.sign(signer)
        data = metadata.to_bytes()
        name = "timestamp.json" if role == "timestamp" else f"{signed.version}.{role}.json"
        write_whole(self.public / "metadata" / name, data)
        return MetaFile.from_data(signed.version, data, ["sha256"])

    def until(self, role: str, now: dt.datetime) -> dt.datetime:
        """When a list expires that is signed now."""
        return now.replace(microsecond=0) + dt.timedelta(days=self.lifetimes().of(role))
