"""Every key with values that a service could not use: `check` and `run` refuse them, at once and in words.

Both go through `prepare` and `probe_ports`, which are called here with real files.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from edge_runtime.configuration.config import Config
from edge_runtime.core.errors import EdgeError
from edge_runtime.gateway import prepare, probe_ports
from tests.artefacts import write_artefact
from tests.toml_text import document
from tests.waiting import scaled

INF, NAN = float("inf"), float("nan")
LONG = "x" * 201
NOT_NUMBERS: list[Any] = ["1", True, [1], INF, -INF, NAN]
PLACES = ["folder", "pipe", "missing", "empty", "/dev/zero", "rms.onnx/x", "x" * 300, "\x00"]
"""Paths in the site's folder that are no file of any use."""
WAITS: list[Any] = [[1], [1, 2, 3], [2, 1], [0, 1], [-1, 1], [NAN, 1], [1, INF], [1, 1e9], "1", 1]
LEVELS: list[Any] = ["", "a/b", "a+", "#", "$SYS", LONG, "\u00e4" * 101, "a\n", "\x85", "\ufdd0", 7]
BAD: dict[str, list[Any]] = {
    "state_folder": ["pipe", "rms.onnx", "rms.onnx/x", "\x00", 7, [], True],
    "model_authority": [*PLACES, 7],
    "site.site": LEVELS,
    "site.device": LEVELS,
    "site.prefix": LEVELS,
    "broker.host": [
        *["", " ", "localhost:18850", "[::1]", "[::1]:1883", "mqtt://localhost", "localhost/", "a b", "a@b"],
        *["a..b", "x" * 64 + ".local", "\u00a0", "\ufeff", "127.0.0.1:1883", "::1::", "plant.example", "?"],
        *["127.evil.example", "10.0.0.1", "1.2.3.4.5:6", 1883, "\x00"],
    ],
    "broker.port": [0, -1, 65536, 1e3, *NOT_NUMBERS],
    "broker.client_id": ["x" * 65536, "\x00", "\ufffe", 7],
    "broker.mqtt": ["4", "3.1", "", 5],
    "broker.username": ["x" * 65536, "\x00", "\ufffe", 7],
    "broker.password_file": [*PLACES, "latin", "utf16", "long", "open", "link", 7],
    "broker.tls.ca_file": [*PLACES, "latin", 7],
    "broker.tls.cert_file": [*PLACES, "latin", 7],
    "broker.tls.key_file": ["secret", 7],
    "broker.tls.verify": [False, "no", 0],
    "broker.accept_insecure": ["yes", 1],
    "broker.keepalive_s": [0, -1, 65536, 1.5, *NOT_NUMBERS],
    "broker.connect_timeout_s": [0, -1, 3601, *NOT_NUMBERS],
    "broker.ack_timeout_s": [0, -1, 3601, *NOT_NUMBERS],
    "broker.kept_messages": [-1, 1.5, *NOT_NUMBERS],
    "broker.in_flight": [0, 65536, 1.5, *NOT_NUMBERS],
    "broker.backoff_s": WAITS,
    "broker.refused_backoff_s": WAITS,
    "broker.denied_retry_s": WAITS,
    "broker.max_packet_bytes": [0, 255, 2**28 + 1, 300.0, *NOT_NUMBERS],
    "broker.require_subscriber": ["yes", 1],
    "broker.live_first": ["yes", 1],
    "broker.live_queue": [0, 10**6 + 1, *NOT_NUMBERS],
    "broker.state_topics": [0, 10**6 + 1, *NOT_NUMBERS],
    "broker.drain_s": [-1, 3601, *NOT_NUMBERS],
    "spool.max_bytes": [0, 65535, 2**41, 1e6, *NOT_NUMBERS],
    "spool.telemetry_age_s": [-1, 1e11, *NOT_NUMBERS],
    "spool.alarm_age_s": [-1, 1e11, *NOT_NUMBERS],
    "spool.reserve_bytes": [-1, 2**31, *NOT_NUMBERS],
    "spool.row_bytes": [0, 1023, 2**29, *NOT_NUMBERS],
    "spool.ring_rows": [0, 10**7, *NOT_NUMBERS],
    "spool.dead_rows": [0, 10**7, *NOT_NUMBERS],
    "spool.corrupt_copies": [-1, 1001, *NOT_NUMBERS],
    "report.state_s": [0, -1, 86401, *NOT_NUMBERS],
    "report.health_s": [0, -1, 86401, *NOT_NUMBERS],
    "report.scores": ["yes", 1],
    "report.state_schema": [0, 3, 2.0, *NOT_NUMBERS],
    "commands.mqtt": ["yes", 1],
    "metrics.listen": ["", "9469", "localhost", "a:0", "a:65536", "::1:9469", "[a]:1", "a b:1", "a:1x", 7],
    "modbus.listen": ["", "1502", "a:0", "a:65536", "::1:1502", 7],
    "page.listen": [
        "8471",
        "localhost:8471",
        "a:1",
        "1.2.3.4:0",
        "127.0.0.1:65536",
        "10.0.0.7:443",
        "::1:80",
        7,
    ],
    "page.names": [[""], ["a b"], ["a/b"], ["a:80"], ["x" * 300], "pi", [7]],
    "page.cert_file": ["secret", 7],
    "page.key_file": ["secret", 7],
    "page.session_h": [0, -1, 169, *NOT_NUMBERS],
    "updates.root": [7],
    "updates.source": [7],
    "updates.groups": [[""], ["a/b"], ["#"], ["fans"] * 33, "fans", [7]],
    "updates.ca_file": [7],
    "updates.patience_s": [0, -1, 1e6, *NOT_NUMBERS],
    "updates.windows": [-1, 10**8, 1.5, *NOT_NUMBERS],
    "notify.name": [*LEVELS[:6], 7],
    "notify.smtp": ["mail.plant.example", "a..b:25", "a:0", "a:65536", "[a]:25", "\x00", 7],
    "notify.security": ["", "ssl", 7],
    "notify.sender": ["", "edge", "E <a@b>", "a@b\n", 7],
    "notify.to": [[], ["a"], ["a@b,c@d"], ["a@b"] * 21, "a@b", [1]],
    "notify.username": ["edge", "\n", 7],
    "notify.password_file": ["secret", 7],
    "notify.url": ["https://h/", 7],
    "notify.url_file": ["secret", 7],
    "notify.token_file": ["secret", 7],
    "notify.ca_file": [7],
    "notify.accept_insecure": ["yes", 1],
    "notify.kinds": [[], ["fault"], "anomaly", [1]],
    "notify.ends": ["yes", 1],
    "notify.fold_s": WAITS,
    "notify.most_waiting": [0, 10**6, 1.5, *NOT_NUMBERS],
    "notify.max_age_h": [0, -1, 1e5, *NOT_NUMBERS],
    "notify.backoff_s": WAITS,
    "homeassistant.discovery": ["yes", 1],
    "homeassistant.prefix": ["", "a/b", "#", 7],
    "homeassistant.status": ["", "a/+", "a//b", "x" * 201, 7],
    "learning.allow": ["yes", 1],
    "learning.auto_arm": ["yes", 1],
    "learning.detector": ["", "PCA", "a b", "../x", 7],
    "learning.false_alarms": ["few", "1/fortnight", "-1/month", 7],
    "learning.least_s": [0, -1, 1e9, *NOT_NUMBERS],
    "learning.calibrate_s": [0, -1, 1e9, *NOT_NUMBERS],
    "learning.shadow_s": [0, -1, 1e9, *NOT_NUMBERS],
    "learning.shadow_alarms": [-1, 1001, 1.5, *NOT_NUMBERS],
    "recording.folder": ["\x00", 7],
    "recording.max_bytes": [0, 2**20 - 1, 2**44 + 1, 1e9, *NOT_NUMBERS],
    "recording.free_bytes": [-1, 2**44 + 1, 1e9, *NOT_NUMBERS],
    "evidence.enabled": ["yes", 1],
    "evidence.before_s": [0, -1, 61, *NOT_NUMBERS],
    "evidence.after_s": [0, -1, 61, *NOT_NUMBERS],
    "evidence.memory_bytes": [0, 2**16 - 1, 2**30 + 1, 1e6, *NOT_NUMBERS],
    "evidence.max_bytes": [0, 2**20 - 1, 2**44 + 1, 1e9, *NOT_NUMBERS],
    "evidence.free_bytes": [-1, 2**44 + 1, 1e9, *NOT_NUMBERS],
    "history.enabled": ["yes", 1],
    "history.folder": ["\x00", 7],
    "history.max_bytes": [0, 2**20 - 1, 2**44 + 1, 1e9, *NOT_NUMBERS],
    "history.free_bytes": [-1, 2**44 + 1, 1e9, *NOT_NUMBERS],
    "door.socket": ["x" * 300, "\x00", 7],
    "door.group": ["no-such-group-here", "\x00", 7],
    "door.read": ["", "nobody", 7],
    "sensor.name": [*LEVELS, "availability", "cmd", "info", "reply"],
    "sensor.machine": [*LEVELS[1:]],
    "sensor.machine_group": ["3", "2", "rigid", 7],
    "sensor.latched": ["yes", 1],
    "sensor.suppressed": [LONG, "a\n", 7],
    "sensor.diagnosis.speed_hz": [0, -1, 1001, *NOT_NUMBERS],
    "sensor.diagnosis.speed_range_hz": [[], [20], [30, 20], [20, 39], [0, 1], [1, 2, 1], "20-30", [20, "x"]],
    "sensor.diagnosis.speed_reading": [LONG, 7],
    "sensor.diagnosis.bearing": ["6x", "9,1", "2,1,5", "9,5,1", "9,nan,5", "FTF=1", LONG, 7],
    "sensor.diagnosis.gear_teeth": [0, 4, 1001, 23.5, *NOT_NUMBERS],
    "sensor.diagnosis.mains_hz": [0, 9, 401, *NOT_NUMBERS],
    "sensor.usable_share": [-0.1, 1, 2, *NOT_NUMBERS],
    "sensor.usable_span_s": [0, 9, 3601, *NOT_NUMBERS],
    "sensor.port": [
        *["", "{}/folder", "{}/rms.onnx", "{}/pipe", "loop://", "spy:///dev/ttyUSB0", "\x00", 7],
        *["socket://", "socket://h", "socket://:1", "socket://h:99999", "socket://h:0", "socket://h:-1"],
        *["socket://[::1:1", "rfc2217://h:x"],
    ],
    "sensor.model": [*PLACES, "learn", "site.toml", 7],
    "sensor.base_model": [*PLACES, "model.onnx", 7],  # each also because the sensor has a model
    "sensor.rate_hz": [0, -1, 999, *NOT_NUMBERS],
    "sensor.channels": [[], ["y"], ["x", "x"], "x", [1], [""]],
    "sensor.unit": ["", "m/s2", "G", 7],
    "sensor.protocol": ["", "frame", 7],
    "sensor.baud": [0, -1, 2**31, 1e6, *NOT_NUMBERS],
    "sensor.scale": [0, -1, *NOT_NUMBERS],
    "sensor.serial": ["", 7],
    "sensor.hello_channels": [[], ["x", "y"], "x", [1]],
    "sensor.range": [0, -1, *NOT_NUMBERS],
    "sensor.threshold": [1e31, -1e31, *NOT_NUMBERS],
    "sensor.silence_s": [0, -1, *NOT_NUMBERS],
    "sensor.slow_alarm": ["yes", 1],
    "sensor.states.run_up_s": [-1, 3601, *NOT_NUMBERS],
    "sensor.states.run_down_s": [-1, 3601, *NOT_NUMBERS],
    "sensor.states.change_s": [-1, 3601, *NOT_NUMBERS],
    "sensor.states.unseen_s": [-1, 3601, *NOT_NUMBERS],
    "sensor.states.mismatch_s": [-1, 3601, *NOT_NUMBERS],
    "sensor.states.reading": ["speed", 7],
    "sensor.states.values": [["low"], "low", [1], 7],
    "sensor.states.said_s": [-1, 3601, *NOT_NUMBERS],
    **{
        f"sensor.trends.{measure}.{key}": values
        for measure in ("velocity", "level", "reading")
        for key, values in {
            **{each: [-1, *NOT_NUMBERS] for each in ("above", "baseline", "rise", "deadband")},
            "above_zone": ["D", 7],
            "percent_of_baseline": [0, 100, *NOT_NUMBERS],
            "within_s": [0, 599, 604801, *NOT_NUMBERS],
            "name": [LONG, 7],
            **{each: [-1, 86401, *NOT_NUMBERS] for each in ("on_delay_s", "off_delay_s")},
        }.items()
    },
    "sensor.alarm.votes": [[0, 1], [2, 1], [1, 1001], [1], [1.0, 2.0], "1/2"],
    "sensor.alarm.on_delay_s": [-1, *NOT_NUMBERS],
    "sensor.alarm.off_delay_s": [-1, *NOT_NUMBERS],
    "sensor.alarm.deadband": [-1, *NOT_NUMBERS],
    "sensor.alarm.re_alarm_s": [-1, *NOT_NUMBERS],
}
ALSO: dict[str, dict[str, Any]] = {
    "broker.password_file": {"broker.username": "edge"},
    "broker.tls.verify": {"broker.host": "10.0.0.1"},
    **{f"page.{key}": {"page.listen": "127.0.0.1:8471"} for key in ("names", "cert_file", "key_file")},
}
"""What stands beside a key for its value to be looked at."""
GOOD: list[tuple[str, Any]] = [
    ("sensor.diagnosis.bearing", "9,7.94,39.04,0"),
    ("sensor.diagnosis.bearing", "FTF=0.398,BPFO=3.585,BPFI=5.415,BSF=2.357"),
    ("sensor.diagnosis.speed_range_hz", [20, 30.5]),
    *[
        ("broker.host", host)
        for host in ("localhost", "LOCALHOST", "::1", "127.0.0.1", "127.1", "127.200.0.9")
    ],
    *[("site.device", name) for name in ("7", "Pumpe \u00e4", "a b", "\u00a0", "x" * 200, "\ufeff")],
    ("state_folder", "a/b/c"),
    ("sensor.port", "/dev/steadyhum-none"),
    ("sensor.port", "socket://[::1]:9"),
    ("sensor.baud", 2**31 - 1),
    ("sensor.threshold", -1e30),
    ("broker.password_file", "secret"),
    ("broker.password_file", "marked"),
    ("broker.backoff_s", [1, 1]),
    ("notify.fold_s", [1, 1]),
]


def keys(kind: Any, at: tuple[str, ...] = ()) -> Iterator[str]:
    """Every key of the configuration that is no table."""
    for name, hint in get_type_hints(kind).items():
        inner = next((part for part in (hint, *get_args(hint)) if is_dataclass(part)), None)
        if inner is None:
            yield ".".join((*at, name))
        else:
            yield from keys(inner, (*at, name))


def site(folder: Path, *changes: tuple[str, Any]) -> Path:
    """A site's folder with all kinds of files, and a configuration with changes to an honest one."""
    table: dict[str, Any] = {
        "state_folder": "state",
        "site": {"site": "plant", "device": "gateway"},
        "broker": {"host": "localhost", "port": 9},
        "sensor": {"name": "pump", "port": "/dev/steadyhum-none", "model": "rms.onnx", "rate_hz": 1000},
    }
    table["sensor"] |= {"channels": ["x"], "unit": "g"}
    for key, value in changes:
        *parents, name = key.split(".")
        at = table
        for parent in parents:
            at = at.setdefault(parent, {})
        at[name] = value.format(folder) if key == "sensor.port" and value != 7 else value
    table["sensor"] = [table["sensor"]]
    if "notify" in table:
        mail = {"name": "shift", "smtp": "mail.plant.example:587", "sender": "a@b", "to": ["c@d"]}
        table["notify"] = [mail | table["notify"]]
    path = folder / "site.toml"
    path.write_text(document(table), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_artefact(folder / "rms.onnx")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe", 0o600)
    files = {
        "secret": b"secret\n",
        "marked": b"\xef\xbb\xbfsecret\r\n",
        "empty": b"",
        "latin": "gr\u00fcn".encode("latin-1"),
        "utf16": "secret".encode("utf-16"),
        "long": b"x" * 65536,
        "open": b"secret",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o644 if name == "open" else 0o600)
    (folder / "link").symlink_to("secret")
    return folder


def outcome(path: Path) -> EdgeError | None:
    """How `check` and `run` refuse the file; None where they take it. It takes no long time."""
    found: list[BaseException | None] = []

    def look() -> None:
        try:
            probe_ports(prepare(path).config)
        except BaseException as error:  # noqa: BLE001  whatever it is, the test names it
            found.append(error)
        else:
            found.append(None)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(scaled(20))
    assert found, "it does not come to an end"
    (error,) = found
    assert error is None or isinstance(error, EdgeError), repr(error)
    return error


def test_every_key_is_in_the_table() -> None:
    assert set(BAD) == set(keys(Config))


@pytest.mark.parametrize("key", BAD)
def test_what_run_could_not_use_check_refuses(folder: Path, key: str) -> None:
    also = ALSO.get(key, {}).items()
    taken = []
    for value in BAD[key]:
        error = outcome(site(folder, *also, (key, value)))
        if error is None:
            taken.append(value)
        else:
            assert error.remedy, value
            assert str(error).isprintable(), value
    assert taken == []


@pytest.mark.parametrize(("key", "value"), GOOD, ids=lambda part: str(part)[:20])
def test_what_run_can_use_is_taken(folder: Path, key: str, value: Any) -> None:
    assert outcome(site(folder, *ALSO.get(key, {}).items(), (key, value))) is None


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("broker.host", "localhost:18850", "write the name alone and `port = 18850` beside it"),
        ("broker.host", "[::1]", "without brackets"),
        ("broker.host", "127.evil.example", "can be overheard"),
        ("broker.password_file", "utf16", "no UTF-8 text"),
        ("broker.tls.ca_file", "pipe", "no plain file"),
        ("sensor.port", "{}/folder", "is a folder and no port"),
        ("sensor.port", "{}/rms.onnx", "is a file and no port"),
    ],
)
def test_the_words_name_the_cause(folder: Path, key: str, value: Any, says: str) -> None:
    assert says in str(outcome(site(folder, *ALSO.get(key, {}).items(), (key, value))))


def test_a_byte_order_mark_in_the_file_is_no_mistake(folder: Path) -> None:
    path = site(folder)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert outcome(path) is None
