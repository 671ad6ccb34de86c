"""The computer: `Host`, its word size and processor, whether the libraries run on it, and its clock."""

import contextlib
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

from edge_runtime.core import CLOCK_REMEDY, UnavailableError, ask_time_service, unset_clock
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Finding, Findings, fault, ok, warning

SERVICE_USER: Final = "edge-runtime"
"""Whom the Debian package creates."""
TRIAL_S: Final = 120.0
"""Balances a slow card, from which importing takes long, against waiting for a disk that has failed."""
_ELF_32_BIT: Final = b"\x7fELF\x01"
"""elf(5): the magic number and ELFCLASS32."""
_NEEDED: Final = {
    "flags": frozenset(("ssse3", "sse4_1", "sse4_2", "popcnt", "cx16")),
    "Features": frozenset(("fp", "asimd")),
}
"""What the wheels of numpy and onnxruntime require, by the line of /proc/cpuinfo: x86-64-v2, and Armv8.0."""
_REINSTALL: Final = (
    "Install the steadyhum package made for this processor and Debian release; on an old processor, "
    "use a 64-bit board of the Raspberry Pi 3 generation or later"
)


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
    user = None
    if os.geteuid() == 0 and host.root == Path("/"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(host.user_name)
    if user is None or not user.pw_uid:
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


def examine_host(host: Host) -> Findings:
    """Examine word size, processor and clock."""
    # A 64-bit kernel below a 32-bit userland is usual on the Raspberry Pi: ask a program, not the kernel.
    head = b""
    with contextlib.suppress(OSError), host.path("/bin/sh").open("rb") as shell:
        head = shell.read(len(_ELF_32_BIT))
    about, unavailable = "operating system", UnavailableError.exit_code
    if head == _ELF_32_BIT:
        remedy = "Install the 64-bit image of the operating system; onnxruntime has no 32-bit wheels"
        yield fault(Check.OS_BITS, about, "this is a 32-bit system", remedy, unavailable)
    else:
        yield ok(Check.OS_BITS, about, "64-bit")
    lines = (line.partition(":") for line in host.text("/proc/cpuinfo").splitlines())
    lacking = (_NEEDED.get(key.strip(), frozenset()) - set(value.split()) for key, _, value in lines)
    if missing := next(filter(None, lacking), None):
        what = f"this processor lacks {', '.join(sorted(missing))}, which the libraries need"
        yield fault(Check.CPU, "processor", what, _REINSTALL, unavailable)
    else:
        yield ok(Check.CPU, "processor", "has what the libraries need")
    if doubt := unset_clock(time.time()):
        remedy = f"{CLOCK_REMEDY}. Certificates are refused until then"
        yield fault(Check.CLOCK, "clock", doubt, remedy, unavailable)
        return
    said = ask_time_service(host.root)
    if doubt := said.doubt or ("" if said.known else "nothing here says whether the clock is synchronised"):
        yield warning(Check.CLOCK, "clock", f"{doubt}: alarms may carry wrong times", CLOCK_REMEDY)
    else:
        yield ok(Check.CLOCK, "clock", "synchronised")


@functools.cache  # what a process could import once, it can
def try_libraries() -> Finding:
    """Import numpy and onnxruntime in a child: where they crash, they would take the doctor with them."""
    about, unavailable = "onnxruntime", UnavailableError.exit_code
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
        return fault(Check.LIBRARIES, about, f"no answer in {TRIAL_S:.0f} s", remedy, unavailable)
    if done.returncode == 0:
        return ok(Check.LIBRARIES, about, f"{done.stdout.strip()} runs here")
    if done.returncode == -signal.SIGILL:
        what = "uses an instruction this processor does not have (illegal instruction)"
    elif done.returncode < 0:
        what = f"crashes when it is loaded ({signal.Signals(-done.returncode).name})"
    else:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        what = f"cannot be loaded ({last[:200]})"  # one line of a report
    return fault(Check.LIBRARIES, about, what, _REINSTALL, unavailable)
