"""A parser that a file has taken over: it tries what a program could want, and answers what it could do."""

PROBE = '''
import ctypes, json, os, socket, subprocess, sys, types
from pathlib import Path
sys.path[:0] = [{root!r}, {packages!r}]
from trainer.formats import child
from trainer.formats.contract import Refusal

HOME, PORT, PARENT = Path({home!r}), {port}, {parent}
PRIVATE, OTHER = HOME / "id_rsa", HOME / "recording"

def call(name, *arguments):
    """A system call by its function in the C library."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

def connect(family, address):
    with socket.socket(family) as to:
        to.connect(address)

def forked():
    if not os.fork():
        os._exit(0)

TRIED = dict(
    internet=lambda: connect(socket.AF_INET, ("127.0.0.1", PORT)),
    unix_socket=lambda: connect(socket.AF_UNIX, str(HOME / "agent.sock")),
    datagram=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    netlink=lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    socket_pair=socket.socketpair,
    private_file=PRIVATE.read_bytes,
    other_recording=OTHER.read_bytes,
    accounts=Path("/etc/passwd").read_bytes,
    folder=lambda: os.listdir(HOME),
    environment_of_parent=Path(f"/proc/{{PARENT}}/environ").read_bytes,
    memory_of_parent=lambda: os.open(f"/proc/{{PARENT}}/mem", os.O_RDWR),
    write=lambda: (HOME / "new").write_text("x"),
    make_empty=lambda: os.open(HOME / "empty", os.O_CREAT | os.O_WRONLY),
    unnamed=lambda: os.open(HOME, os.O_TMPFILE | os.O_RDWR),
    in_memory=lambda: os.memfd_create("x"),
    delete=OTHER.unlink,
    truncate=lambda: os.truncate(OTHER, 0),
    rename=lambda: OTHER.rename(HOME / "model.onnx"),
    symlink=lambda: (HOME / "link").symlink_to("/etc/passwd"),
    hard_link=lambda: os.link(OTHER, HOME / "second"),
    make_folder=lambda: (HOME / "folder").mkdir(),
    make_fifo=lambda: os.mkfifo(HOME / "fifo"),
    change_mode=lambda: PRIVATE.chmod(0o666),
    change_owner=lambda: os.chown(PRIVATE, os.getuid(), os.getgid()),
    change_times=lambda: os.utime(OTHER, (1, 1)),
    change_attribute=lambda: os.setxattr(OTHER, "user.x", b"1"),
    truncate_input=lambda: os.ftruncate(0, 0),
    change_mode_of_input=lambda: os.fchmod(0, 0o777),
    change_times_of_input=lambda: os.utime(0, (1, 1)),
    write_input=lambda: os.write(0, b"x"),
    open_input_again=lambda: os.open("/proc/self/fd/0", os.O_RDWR),
    fork=forked,
    shell=lambda: subprocess.run(["/bin/sh", "-c", "true"], check=True),
    replace_itself=lambda: os.execv("/bin/true", ["true"]),
    signal_parent=lambda: os.kill(PARENT, 0),
    signal_itself=lambda: os.kill(os.getpid(), 0),
    signal_all=lambda: os.kill(-1, 0),
    trace_parent=lambda: call("ptrace", 16, PARENT, 0, 0),
    limit_parent=lambda: call("prlimit", PARENT, 7, (ctypes.c_ulong * 2)(1, 1), 0),
    raise_limit=lambda: call("setrlimit", 7, (ctypes.c_ulong * 2)(64, 64)),
    namespace=lambda: call("unshare", 0x10000000),
    session=os.setsid,
    change_root=lambda: os.chroot("/"),
    priority=lambda: os.setpriority(os.PRIO_PROCESS, PARENT, 19),
    shared_memory=lambda: call("shmget", 7, 4096, 0o1600),
    io_uring=lambda: call("syscall", 425, 1, (ctypes.c_char * 120)()),
    keys=lambda: call("syscall", 248, b"user", b"x", b"y", 1, -3),
)

def outcome(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "allowed"

def read(stream, request):
    """What a parser does that a file has taken over."""
    found = {{name: outcome(action) for name, action in TRIED.items()}}
    found["input"] = stream.read().decode()
    raise Refusal(json.dumps(found), "")

sys.modules["trainer.formats.probe"] = types.SimpleNamespace(read=read)
child.main()
'''
"""Source of the child, to be formatted with the folders, port and process that it attacks."""
