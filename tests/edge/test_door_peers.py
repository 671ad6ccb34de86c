"""Who is at the other end: users who may read and not change, and a user namespace that hides them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.door.peers import Peer, group_id, overflow_uid
from tests.processes import running
from tests.shared import ROOT

NOBODYS_UID = 12345
"""No user's number here."""
ASK = """
import os, sys
from edge_runtime.core import EdgeError
from edge_runtime.door import DoorClient
from pathlib import Path
os.setgroups([int(group) for group in sys.argv[2:]]); os.setgid(12345); os.setuid(12345)
with DoorClient(Path(sys.argv[1])) as client:
    print(client.call("alarms.list"), client.about["you"]["proven"])
    try:
        print(client.call("alarms.note", alarm="a")["by"])
    except EdgeError as error:
        print(type(error).__name__, error)
"""
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everyone may enter."""
    folder = Path(tempfile.mkdtemp(prefix="door-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def ask(folder: Path, *groups: int) -> list[str]:
    command = [sys.executable, "-c", ASK, str(folder / "door.sock"), *map(str, groups)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.splitlines()


@needs_root
@pytest.mark.parametrize(
    ("before", "groups", "proven", "by"),
    [
        ((), (), "True", "AccessError user 12345 (uid 12345) may read and not change"),
        ((), (0,), "True", "user 12345 (uid 12345)"),
        # As under systemd's PrivateUsers=yes: of all users only root and the service's own are known.
        (("unshare", "--user", "--map-root-user"), (), "False", "AccessError user 12345 (as stated) may"),
        (("unshare", "--user", "--map-root-user"), (0,), "False", "user 12345 (as stated)"),
    ],
)
def test_another_user(
    shared: Path, before: tuple[str, ...], groups: tuple[int, ...], proven: str, by: str
) -> None:
    """Whoever may only read is refused a change; members of the group, root's here, may change something."""
    if before and subprocess.run([*before, "true"], check=False).returncode:
        pytest.skip("this kernel gives no user namespaces")
    command = [*before, sys.executable, "-m", "tests.edge.door_process", shared]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "open\n"
        listed, changed = ask(shared, *groups)
    assert listed == f"['one', 'two'] {proven}"
    assert changed.startswith(by)


def test_names() -> None:
    known = Peer(os.getuid(), frozenset({os.getgid()}))
    own = group_id("")
    assert known.asker("", own, overflow=overflow_uid()).may_change
    assert known.asker("Anna (page)", own, overflow=overflow_uid()).name.endswith(" for Anna (page)")
    stranger = Peer(NOBODYS_UID, frozenset({1}))
    asker = stranger.asker("x\x1b[0m", 2, overflow=NOBODYS_UID)
    assert (asker.name, asker.proven, asker.may_change) == ("x\\x1b[0m", False, False)
    assert str(stranger.asker("", 1, overflow=NOBODYS_UID)) == "somebody (as stated)"
    assert stranger.asker("", 1, overflow=0).may_change
    with pytest.raises(KeyError):
        group_id("no such group")
