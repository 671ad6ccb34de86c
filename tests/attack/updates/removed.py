"""Removes one check after the other, and looks whether the attacks that it is about are then found out:

    python -m tests.attack.updates.removed

An attack that is refused all the same, and in the same words, would prove nothing of its check: exit 1.
Kinds whose check is a comparison in the middle of a function are not here.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from edge_runtime.gateway.updates.places import MODEL
from edge_runtime.models.sessions import read_model
from tests.attack.updates.running import KINDS, Lab, try_variant


def passes(*_words: Any, **_more: Any) -> None:
    """A check that finds nothing."""


def opened(places: Any, sensor: str, digest: str) -> Any:
    """As `open_kept`, without a look at seal and digest."""
    return read_model(places.sensor(sensor).model_folder(digest) / MODEL), {}


PAYLOAD = "tuf.api._payload"
UPDATES = "edge_runtime.gateway.updates"
SIGNED = ("fast_forward", "role_confusion", "unsigned", "below_threshold", "root_replaced", "revoked_key")
REMOVED: dict[str, tuple[str, str, Any, tuple[str, ...]]] = {
    "signatures": (PAYLOAD, "_DelegatorMixin.verify_delegate", passes, SIGNED),
    "expiry": (
        PAYLOAD,
        "Signed.is_expired",
        lambda *_words: False,
        ("freeze", "expired_snapshot", "expired_targets", "expired_root"),
    ),
    "digests of lists": (PAYLOAD, "MetaFile.verify_length_and_hashes", passes, ("mix_and_match",)),
    "digests of models": (
        PAYLOAD,
        "TargetFile.verify_length_and_hashes",
        passes,
        ("truncated_target", "flipped_target", "wrong_target"),
    ),
    "what was seen": (f"{UPDATES}.trust", "check_newer", passes, ("rollback_after_damage",)),
    "the clock": (f"{UPDATES}.trust", "check_clock", passes, ("clocks",)),
    "the proof, the name and the site": (
        f"{UPDATES}.updating",
        "check_model",
        passes,
        ("other_name_inside", "other_schema", "bad_models"),
    ),
    "what is wanted": (
        f"{UPDATES}.updating",
        "_Updating.check_wanted",
        passes,
        ("withdrawn", "sent_back", "weak_digests", "over_what_was_learnt"),
    ),
    "the seal": (f"{UPDATES}.opening", "open_kept", opened, ("changed_here",)),
    "links": (f"{UPDATES}.ways", "_FLAGS", os.O_RDONLY | os.O_NONBLOCK, ("symbolic_links",)),
    "time": (f"{UPDATES}.updating", "within", lambda *_words: contextlib.nullcontext(), ("slow_servers",)),
}


@contextlib.contextmanager
def without(module: str, name: str, instead: Any) -> Iterator[None]:
    """The program without one of its checks."""
    *owners, last = name.split(".")
    owner = import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    before = getattr(owner, last)
    setattr(owner, last, instead)
    try:
        yield
    finally:
        setattr(owner, last, before)


def noticed(lab: Lab, name: str, remove: Callable[[], contextlib.AbstractContextManager[None]]) -> bool:
    """Whether the test of this kind fails without the check."""
    for variant, attack in KINDS[name].attack(lab):
        case = lab.case()
        with remove():
            try:
                result = try_variant(lab, name, variant, case, attack(case))
            except Exception:  # noqa: BLE001  whatever comes of a program without its check
                return True
        if result.accepted or not result.as_expected:
            return True
    return False


def main() -> None:
    unnoticed, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder) / "lab")
        for check, (module, name, instead, kinds) in REMOVED.items():
            for each in kinds:
                count += 1
                if not noticed(lab, each, lambda: without(module, name, instead)):  # noqa: B023  called at once
                    unnoticed.append(f"{check}: {each}")
    print(f"{len(REMOVED)} checks removed, {count} kinds, {len(unnoticed)} not noticed", *unnoticed, sep="\n")
    sys.exit(1 if unnoticed else 0)


if __name__ == "__main__":
    main()
