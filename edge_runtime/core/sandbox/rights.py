"""What a process that touches foreign files may still do: `give_up_rights`, once, before it touches one.

Rights are granted one by one, not taken away one by one:

- Landlock (kernel 5.13 and later): of the file system it reads the interpreter's own folders, since Python
  and its libraries import late; nothing may be written, made, removed or renamed.
- seccomp: the system calls that computing in memory takes, by name; every other fails with EPERM, among them
  all that open sockets, start programs or processes, signal others, or change files.
- resource limits: memory, processor time, open files; no file may grow and no core be dumped.
- no_new_privs, which both of the above set: no program that is started later could regain rights.

Where the kernel or a library lacks one of these, the others hold; `give_up_rights` says which are in force.
Sources: landlock(7), seccomp(2), prctl(2), setrlimit(2).
"""

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

# Memory, files that are open already, time, threads of this process, and how it ends: what CPython, numpy,
# scipy, h5py and onnxruntime need while they compute. Every format and every shipped model is read and run
# under it on x86_64. Names that another processor does not have are passed over.
_ALLOWED: Final = """
    read readv pread64 write writev lseek close close_range fstat newfstatat stat lstat statx fadvise64
    access faccessat faccessat2 readlink readlinkat getcwd getdents getdents64 dup dup2 dup3 mmap munmap
    mprotect mremap madvise brk membarrier mincore futex futex_waitv set_robust_list get_robust_list
    rseq sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler getcpu
    nanosleep clock_nanosleep restart_syscall clock_gettime clock_getres gettimeofday time times
    getrusage getrlimit sysinfo uname getpid gettid getppid getuid geteuid getgid getegid getrandom
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack sigreturn poll ppoll select pselect6 exit
    exit_group
""".split()  # noqa: SIM905  one name a line would be two pages
_OPEN_READ_ONLY: Final = {"open": 1, "openat": 2}
"""Calls that open files, and which argument holds the flags."""
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FIRST_TO_GO: Final = "1000"
"""The most that oom_score_adj takes: proc(5)."""
_CLONE_THREAD: Final = 0x00010000
"""Flag of clone(2), in linux/sched.h: a thread, and no process."""
_FCNTL: Final = (1, 2, 3, 1030)
"""F_GETFD, F_SETFD, F_GETFL and F_DUPFD_CLOEXEC: what concerns descriptors alone."""
_TCGETS: Final = 0x5401
"""The one ioctl: Python asks whether a stream is a terminal."""
# What is read beside the interpreter: the dynamic loader's cache and libraries, processors for onnxruntime's
# choice of kernels, and the two devices that libraries expect everywhere.
_SYSTEM_READS: Final = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/proc/cpuinfo",
    "/proc/self/maps",
    "/sys/devices/system/cpu",
    "/dev/null",
    "/dev/urandom",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a child may use."""

    memory_bytes: int
    """Address space, whatever it holds: numpy's and onnxruntime's libraries take some 300 MB of it."""
    cpu_s: int
    """Processor time, seconds; the kernel kills it then."""
    open_files: int = 32
    """A judgement: a parser has its input, its answer and a few libraries open at a time."""
    readable: tuple[Path, ...] = ()
    """Folders that it reads beside the interpreter's own."""


def give_up_rights(limits: Limits, inherited: Sequence[str] = ()) -> tuple[str, ...]:
    """Keep only what computing on a file takes; return the names of what is in force.

    Names are `limits`, `landlock`, `seccomp`; `inherited` are those that `prepare_rights` returned in the
    process which forked this one. It cannot be undone. Import what the work takes before:
    afterwards no library can be looked for outside the interpreter's folders.
    """
    if not inherited:
        _go_first()
    calls = _filter_of_calls()  # made before the file system is closed: libseccomp is looked for there
    in_force = []
    if _limit(limits):
        in_force.append("limits")
    if "landlock" in inherited or _restrict_files(limits.readable):
        in_force.append("landlock")
    if calls is not None:
        # To end itself by abort(3); not to signal others.
        seccomp = _seccomp()
        _allow(calls, "tgkill", seccomp.Arg(0, seccomp.EQ, os.getpid()))
        with contextlib.suppress(OSError):  # a kernel, or a container, that lets nobody load one
            calls.load()
            in_force.append("seccomp")
    if inherited and "seccomp" not in in_force:
        # What has restricted itself further cannot look into those that it comes from.
        _restrict_files(limits.readable)
    return tuple(in_force)


# The two libraries are there on Linux alone, and only where their packages and libseccomp are installed. They
# are imported when they are used: whoever starts a child imports this module, and can spare their 0.7 MB.
@cache
def _landlock() -> Any:
    try:
        import landlock  # noqa: PLC0415  see above
        import landlock.plumbing  # noqa: PLC0415
    except ImportError:
        return None
    return landlock


@cache
def _seccomp() -> Any:
    try:
        import pyseccomp  # noqa: PLC0415  see above
    except (ImportError, OSError, RuntimeError):
        return None
    return pyseccomp


def available() -> tuple[str, ...]:
    """Return what is installed of `landlock` and `seccomp`; whether the kernel has them shows on use."""
    libraries = (("landlock", _landlock()), ("seccomp", _seccomp()))
    return tuple(name for name, library in libraries if library is not None)


def prepare_rights() -> tuple[str, ...]:
    """Give up files in a process that forks others which call `give_up_rights`, and make what that takes.

    It is most of what their start would cost. Returns what they inherit.
    """
    _go_first()
    _filter_of_calls()  # made before the file system is closed: libseccomp is looked for there
    return ("landlock",) if _restrict_files() else ()


def _go_first() -> None:
    """Be what the kernel ends where memory runs out, and not whoever asked for the work."""
    with contextlib.suppress(OSError):  # Linux alone has it
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")


def _limit(limits: Limits) -> bool:
    try:
        import resource  # noqa: PLC0415  Unix alone has it
    except ImportError:
        return False
    wanted = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    try:
        for limit, value in wanted.items():
            hard = resource.getrlimit(limit)[1]
            # What starts us may have set less already; that cannot be raised again.
            lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (lowest, lowest))
    except (OSError, ValueError):  # our own unit denies it; `run_child` watches memory and time from outside
        return False
    return True


def _restrict_files(wanted: tuple[Path, ...] = ()) -> bool:
    if (landlock := _landlock()) is None:
        return False
    kinds = landlock.plumbing.FSAccess
    try:
        rules = landlock.Ruleset()
        for path in (*_readable_paths(), *wanted):
            access = kinds.READ_FILE | kinds.READ_DIR if path.is_dir() else kinds.READ_FILE
            rules.allow(path, rules=access)
        rules.apply()
    except (OSError, landlock.LandlockError):  # a kernel without it
        return False
    return True


@cache
def _readable_paths() -> tuple[Path, ...]:
    """What a process without rights may still read.

    A folder on sys.path may be anything, the user's home among them: only those that hold installed packages,
    the standard library or our own two count. In a checkout our two lie beside anything.
    """
    paths = {Path(entry) for entry in (*sys.path, sys.prefix, sys.base_prefix, *_SYSTEM_READS) if entry}
    own = Path(__file__).resolve().parents[2]
    readable = [
        path
        for path in paths
        if path.exists() and (path.resolve() != own.parent or path.name == "site-packages")
    ]
    return (*readable, own, *(path for path in (own.parent / "trainer",) if path.exists()))


@cache
def _filter_of_calls() -> Any:
    """The filter, but for what only this very process may do; None where there is none to be had."""
    if (seccomp := _seccomp()) is None:
        return None
    try:
        rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
        rules.set_attr(seccomp.Attr.CTL_TSYNC, 1)
    except OSError:  # a kernel without it
        return None
    for name in _ALLOWED:
        _allow(rules, name)
    for name, at in _OPEN_READ_ONLY.items():
        _allow(rules, name, seccomp.Arg(at, seccomp.MASKED_EQ, _WRITING, 0))
    for fcntl_command in _FCNTL:
        _allow(rules, "fcntl", seccomp.Arg(1, seccomp.EQ, fcntl_command))
    _allow(rules, "ioctl", seccomp.Arg(1, seccomp.EQ, _TCGETS))
    # A thread of its own, no process. clone3 passes its flags in memory, where no filter sees them; glibc
    # takes clone where it is said not to exist.
    _allow(rules, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    # To read a limit; not to set one.
    _allow(rules, "prlimit64", seccomp.Arg(2, seccomp.EQ, 0))
    return rules


def _allow(rules: Any, name: str, *arguments: Any) -> None:
    with contextlib.suppress(OSError):  # a call that this processor does not have
        rules.add_rule(_seccomp().ALLOW, name, *arguments)
