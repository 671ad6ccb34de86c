"""The computer: `Host`, its word size and processor, whether the libraries run on it, and its clock."""

import contextlib
import ctypes
import functools
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import CLOCK_REMEDY, clock_doubt
from edge_runtime.doctor.findings import Finding, Findings, fault, ok, warning

UNAVAILABLE: Final = 69
SERVICE_USER: Final = "edge-runtime"
TRIAL_S: Final = 120.0
_TIME_ERROR: Final = 5
_NEEDED: Final = {
    "flags": frozenset(("ssse3", "sse4_1", "sse4_2", "popcnt", "cx16")),
    "Features": frozenset(("fp", "asimd")),
}
"""What the wheels of numpy and onnxruntime take for granted: x86-64-v2, and Armv8.0."""


@dataclass(frozen=True, slots=True)
class Host:
    """Where the system's files are, and who the service runs as."""

    root: Path = Path("/")
    """Prefix of /proc, /etc, /dev and /run: another for a mounted card, a container or a test."""
    user: str = ""
    """Who the service runs as; empty for the package's user, if root asks and there is one, or who asks."""

    def path(self, absolute: str | Path) -> Path:
        """A system file under the root."""
        return self.root / str(absolute).lstrip("/")

    def text(self, absolute: str) -> str:
        """What a system file holds; empty when it cannot be read."""
        try:
            return self.path(absolute).read_text(errors="replace")
        except OSError:
            return ""

    @property
    def user_name(self) -> str:
        """Who the service runs as."""
        if self.user:
            return self.user
        if os.geteuid() == 0 and f"\n{SERVICE_USER}:" in self.text("/etc/passwd"):
            return SERVICE_USER
        try:
            return pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            return str(os.geteuid())


@contextlib.contextmanager
def acting_as_service(host: Host) -> Iterator[None]:
    """Be the service's user for a while, where root asks: what root may do says nothing about the service."""
    user = _other_user(host)
    if user is None:
        yield
        return
    groups = os.getgroups()
    os.setgroups(os.getgrouplist(user.pw_name, user.pw_gid))
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def _other_user(host: Host) -> pwd.struct_passwd | None:
    if os.geteuid() != 0 or host.root != Path("/"):
        return None
    try:
        user = pwd.getpwnam(host.user_name)
    except KeyError:
        return None
    return user if user.pw_uid else None


def examine_host(host: Host) -> Findings:
    """Look at word size, processor and clock."""
    yield _word_size(host)
    yield _processor(host)
    yield _clock(host)


@functools.cache  # what a process could import once, it can
def try_libraries() -> Finding:
    """Import numpy and onnxruntime in a child: where they crash, they would take the doctor with them."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", "import numpy, onnxruntime; print(onnxruntime.__version__)"],
            capture_output=True,
            text=True,
            timeout=TRIAL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        remedy = "Look at the system log for a failing disk or memory"
        return fault("libraries", "onnxruntime", f"no answer in {TRIAL_S:.0f} s", remedy, UNAVAILABLE)
    if done.returncode == 0:
        return ok("libraries", "onnxruntime", f"{done.stdout.strip()} runs here")
    return fault("libraries", "onnxruntime", _crash(done.returncode, done.stderr), _REINSTALL, UNAVAILABLE)


_REINSTALL: Final = (
    "Install the steadyhum package made for this processor and Debian release; on an old processor, "
    "use a 64-bit board of the Raspberry Pi 3 generation or later"
)


def _crash(code: int, stderr: str) -> str:
    if code == -signal.SIGILL:
        return "uses an instruction this processor does not have (illegal instruction)"
    if code < 0:
        return f"crashes when it is loaded ({signal.Signals(-code).name})"
    return f"cannot be loaded ({(stderr.strip().splitlines() or ['no message'])[-1][:200]})"


def _word_size(host: Host) -> Finding:
    # A 64-bit kernel below a 32-bit userland is usual on the Raspberry Pi: ask a program, not the kernel.
    try:
        with host.path("/bin/sh").open("rb") as shell:
            head = shell.read(5)
    except OSError:
        head = b""
    if head == b"\x7fELF\x01":
        remedy = "Install the 64-bit image of the operating system; onnxruntime has no 32-bit wheels"
        return fault("os.bits", "operating system", "this is a 32-bit system", remedy, UNAVAILABLE)
    return ok("os.bits", "operating system", "64-bit")


def _processor(host: Host) -> Finding:
    for line in host.text("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        needed = _NEEDED.get(key.strip(), frozenset())
        if missing := needed - set(value.split()):
            what = f"this processor lacks {', '.join(sorted(missing))}, which the libraries need"
            return fault("cpu", "processor", what, _REINSTALL, UNAVAILABLE)
    return ok("cpu", "processor", "has what the libraries need")


def _clock(host: Host) -> Finding:
    if doubt := clock_doubt(time.time()):
        remedy = f"{CLOCK_REMEDY}. Certificates are refused until then"
        return fault("clock", "clock", doubt, remedy, UNAVAILABLE)
    if host.path("/run/systemd/timesync/synchronized").exists() or _kernel_says_synchronised(host):
        return ok("clock", "clock", "synchronised")
    return warning("clock", "clock", "not synchronised: alarms may carry wrong times", CLOCK_REMEDY)


def _kernel_says_synchronised(host: Host) -> bool:
    if host.root != Path("/"):
        return False
    # struct timex begins with `modes`; zero reads and changes nothing. 512 bytes are more than it has.
    return bool(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) != _TIME_ERROR)
