"""Attacks with keys: too few, stolen, replaced, of another list, of no algorithm."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from securesystemslib.formats import encode_canonical
from tuf.api.metadata import Metadata

from tests.attack.updates.lab import Case, Lab, kind
from tests.attack.updates.lists import NOT_SIGNED, OLD, ROLES, name_above, set_version

Variants = Iterator[tuple[str, Callable[[Case], object]]]


@kind(NOT_SIGNED)
def fast_forward(lab: Lab) -> Variants:
    """The largest numbers there are, without the key."""
    for role in ROLES:
        for number in (100, 2**31, 2**53, 2**63):

            def forward(case: Case, role: str = role, number: int = number) -> None:
                wrong = "snapshot" if role == "timestamp" else "timestamp"
                case.change(role, set_version(number), wrong)
                if role == "timestamp":
                    return
                name = f"{number}.{role}.json"
                case.file_of(role).rename(case.metadata / name)
                name_above(case, role, number)

            yield f"{role} {number}", forward


@kind(NOT_SIGNED)
def role_confusion(lab: Lab) -> Variants:
    """A list signed by another list's key."""
    for role in ROLES:
        for wrong in (*ROLES, "root-1", "root-3"):
            if wrong != role:

                def confuse(case: Case, role: str = role, wrong: str = wrong) -> None:
                    case.change(role, lambda signed: None, wrong)
                    if role != "timestamp":
                        name_above(case, role, int(case.file_of(role).name.partition(".")[0]))

                yield f"{role} by {wrong}", confuse


@kind(NOT_SIGNED)
def unsigned(lab: Lab) -> Variants:
    def strip(case: Case, role: str, how: str) -> None:
        file = case.file_of(role)
        metadata: Metadata[Any] = Metadata.from_file(str(file))
        for signature in metadata.signatures.values():
            signature.signature = {"zeros": "00" * 64, "short": "00", "words": "no hex"}.get(how, "")
        if how == "none":
            metadata.signatures.clear()
        file.write_bytes(metadata.to_bytes())
        if role != "timestamp":
            name_above(case, role, int(file.name.partition(".")[0]))

    for role in ROLES:
        for how in ("none", "zeros", "short", "words", "empty"):
            yield f"{role}, {how}", partial(strip, role=role, how=how)


@kind(NOT_SIGNED)
def below_threshold(lab: Lab) -> Variants:
    """One of two keys of root is stolen."""

    def forge(case: Case, signers: tuple[str, ...], own: bool) -> None:
        def edit(signed: Any) -> None:
            signed.version = 2
            if own:
                signed.roles["targets"].keyids = [case.key("timestamp").public_key.keyid]

        case.change("root", edit, *signers, name="2.root.json")

    for own in (True, False):
        for signers in (("root-1",), ("root-2",), ("root-3",), ("targets",), ("root-1", "targets")):
            yield f"{' and '.join(signers)}, {own}", partial(forge, signers=signers, own=own)


@kind(f"{NOT_SIGNED}|cannot be understood")
def counted_twice(lab: Lab) -> Variants:
    """One key's signature several times, in JSON that names it twice, or under another name."""

    def twice(case: Case, how: str) -> None:
        def edit(signed: Any) -> None:
            signed.version = 2

        case.change("root", edit, "root-1", name="2.root.json")
        file = case.metadata / "2.root.json"
        metadata: Metadata[Any] = Metadata.from_file(str(file))
        body = metadata.to_dict()
        signature = dict(body["signatures"][0])
        if how == "renamed":
            signature["keyid"] = case.key("root-2").public_key.keyid
        body["signatures"].append(signature)
        file.write_text(json.dumps(body))

    for how in ("repeated", "renamed"):
        yield how, partial(twice, how=how)


@kind(NOT_SIGNED)
def root_replaced(lab: Lab) -> Variants:
    """A root of the attacker's own, well signed by itself."""

    def replace(case: Case, threshold: int) -> None:
        def edit(signed: Any) -> None:
            signed.version = 2
            keyids = [case.key(name).public_key.keyid for name in ("timestamp", "snapshot")]
            for name in ("timestamp", "snapshot"):
                signed.keys[case.key(name).public_key.keyid] = case.key(name).public_key
            signed.roles["root"].keyids = keyids
            signed.roles["root"].threshold = threshold

        case.change("root", edit, "timestamp", "snapshot", name="2.root.json")

    for threshold in (1, 2):
        yield f"threshold {threshold}", partial(replace, threshold=threshold)


@kind(OLD)
def root_out_of_order(lab: Lab) -> Variants:
    for number in (1, 3, 7, 2**31):

        def skip(case: Case, number: int = number) -> None:
            case.change("root", set_version(number), "root-1", "root-2", name="2.root.json")

        yield f"version {number} as the second", skip


@kind(f"{NOT_SIGNED}|cannot be understood")
def no_algorithm(lab: Lab) -> Variants:
    """Keys of a scheme that verifies nothing."""
    for scheme in ("none", "", "hmac", "ed25519ph", "rsassa-pss-md5"):

        def weaken(case: Case, scheme: str = scheme) -> None:
            body = json.loads((case.repository.folder / "root.json").read_bytes())
            body["signed"]["version"] = 2
            for key in body["signed"]["keys"].values():
                key["scheme"] = scheme
                key["keytype"] = key["keytype"] if scheme.startswith("ed") else scheme
            data = encode_canonical(body["signed"]).encode()
            signers = [case.key(name) for name in ("root-1", "root-2")]
            body["signatures"] = [signer.sign(data).to_dict() for signer in signers]
            (case.metadata / "2.root.json").write_text(json.dumps(body))

        yield scheme or "empty", weaken


@kind(NOT_SIGNED)
def revoked_key(lab: Lab) -> Variants:
    """A key that was replaced signs again."""
    for role in ROLES:

        def sign(case: Case, role: str = role) -> None:
            former = case.repository.keys / f"{role}.pem"
            stolen = former.read_bytes()
            case.repository.rotate(role, [], dt.datetime.now(dt.UTC))
            former.write_bytes(stolen)
            case.change(role, lambda signed: None)
            if role != "timestamp":
                name_above(case, role, int(case.file_of(role).name.partition(".")[0]))

        yield role, sign


@kind("cannot be understood")
def other_type(lab: Lab) -> Variants:
    """A list that is well signed, and another than it is called."""
    for role in ROLES:
        for kind_ in (*ROLES, "root", "mirrors"):
            if kind_ != role:

                def disguise(case: Case, role: str = role, kind_: str = kind_) -> None:
                    file = case.file_of(role)
                    body = json.loads(file.read_bytes())
                    body["signed"]["_type"] = kind_
                    file.write_text(json.dumps(body))
                    if role != "timestamp":
                        name_above(case, role, int(file.name.partition(".")[0]))

                yield f"{role} as {kind_}", disguise
