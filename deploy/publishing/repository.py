"""A plant's repository of models, in the folder `models` of its authority: `Repository`."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tuf.api.metadata import Root, TargetFile, Targets

from deploy.certification.certificates import is_encrypted
from deploy.publishing.keys import make_key, read_key, root_keys, set_aside
from deploy.publishing.lists import ROLES, Lifetimes, Lists, unsigned
from edge_runtime.core import ArtefactError, ConfigError, write_whole
from edge_runtime.gateway import WITHDRAWN, TargetPath

WHERE: Final = "the command line"


class Repository(Lists):
    """What is done to it. Every change ends with a new timestamp."""

    def init(
        self, roots: int, threshold: int, lifetimes: Lifetimes, now: dt.datetime, *, encrypt: bool
    ) -> None:
        """Make it, with so many keys of root, of which `threshold` must sign. Raises ConfigError."""
        if (self.folder / "root.json").exists():
            remedy = "Use it; devices that trust it would be locked out of another"
            raise ConfigError("there is a repository already", where=str(self.folder), remedy=remedy)
        if not (1 <= threshold <= roots <= 10 and 1 <= lifetimes.stick <= 3650):
            remedy = "1 to 10 keys of root, at most as many that must sign, and 1 to 3650 days of a stick"
            raise ConfigError("this cannot be a repository", where=WHERE, remedy=remedy)
        secret = self.passphrase.choose() if encrypt else b""
        for path in (self.keys, self.public / "metadata", self.public / "targets"):
            path.mkdir(parents=True, mode=0o700 if path == self.keys else 0o755, exist_ok=True)
        write_whole(self.folder / "lifetimes.json", json.dumps(asdict(lifetimes)).encode())
        root = unsigned(Root(consistent_snapshot=True))
        signers = [make_key(self.keys / f"root-{number}.pem", secret) for number in range(1, roots + 1)]
        for signer in signers:
            root.add_key(signer.public_key, "root")
        root.roles["root"].threshold = threshold
        for role in ROLES:
            made = make_key(self.keys / f"{role}.pem", secret if role == "targets" else b"")
            root.add_key(made.public_key, role)
        self.write_root(root, signers, now)
        self.write_lists(unsigned(Targets()), now)

    def publish(self, models: Mapping[TargetPath, bytes], now: dt.datetime) -> None:
        """Sign these for whom they are, in place of what was published for the same.

        Raises ArtefactError for one that was withdrawn.
        """
        targets = self.targets()
        for path, data in models.items():
            digest = hashlib.sha256(data).hexdigest()
            if digest in targets.unrecognized_fields.get(WITHDRAWN, []):
                remedy = "Export it again, which makes it another file"
                raise ArtefactError("this model was withdrawn", where=str(path), remedy=remedy)
            place = str(path).rpartition("/")[0] + "/"
            for name in [name for name in targets.targets if name.startswith(place)]:
                del targets.targets[name]
            target = TargetFile.from_data(str(path), data, ["sha256"])
            targets.targets[str(path)] = target
            file = self.public / "targets" / f"{place}{digest}.{str(path).rpartition('/')[2]}"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, data)
        self.write_lists(targets, now)

    def withdraw(self, wanted: Sequence[str], now: dt.datetime) -> list[str]:
        """Take models back, by name or SHA-256, published or not: devices that run one go back.

        Returns their SHA-256. Raises ConfigError for what is neither.
        """
        targets = self.targets()
        found: list[str] = []
        for text in wanted:
            named = targets.targets.get(text)
            digest = named.hashes["sha256"] if named else text
            if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
                remedy = "`deploy/authority models status` shows what is published"
                raise ConfigError(f"{text!r} is neither published nor a SHA-256", where=WHERE, remedy=remedy)
            found.append(digest)
        kept = {name: each for name, each in targets.targets.items() if each.hashes["sha256"] not in found}
        targets.targets = kept
        before = targets.unrecognized_fields.get(WITHDRAWN, [])
        targets.unrecognized_fields[WITHDRAWN] = list(dict.fromkeys([*before, *found]))
        self.write_lists(targets, now)
        return found

    def rotate(self, name: str, given: Sequence[Path], now: dt.datetime) -> None:
        """Replace a key, `targets`, `snapshot`, `timestamp` or `root-N`: what it signs counts no more.

        Takes as many of the keys of root as must sign, those before the change among them.
        """
        root = self.read("root", Root)
        path, role = self.keys / f"{name}.pem", name.partition("-")[0]
        if role not in (*ROLES, "root") or (role == "root") != ("-" in name):
            remedy = "Name one of targets, snapshot, timestamp, root-1, root-2 and so on"
            raise ConfigError(f"there is no key {name!r}", where=WHERE, remedy=remedy)
        signers = root_keys(self.keys, given, self.passphrase)
        secret = self.passphrase() if path.exists() and is_encrypted(path) else b""
        former = read_key(path, self.passphrase).public_key
        root.revoke_key(former.keyid, role)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        made = make_key(fresh, secret)
        root.add_key(made.public_key, role)
        self.write_root(root, [*signers, *([made] if role == "root" else [])], now)
        set_aside(path)
        fresh.replace(path)
        self.write_lists(self.targets(), now)

    def renew(self, given: Sequence[Path], now: dt.datetime) -> None:
        """Sign snapshot and timestamp again, for a stick; targets and root where they are half over."""
        root = self.read("root", Root)
        if root.expires - now < dt.timedelta(days=self.lifetimes().root / 2):
            self.write_root(root, root_keys(self.keys, given, self.passphrase), now)
        self.write_lists(self.targets(), now, changed=False)
