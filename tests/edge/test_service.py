"""The service as its users run it: the real command, a real pty, a real Mosquitto, real signals."""

import contextlib
import json
import os
import pty
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path

import numpy as np
import psutil
import pytest

from edge_runtime.framing import SampleFormat, encode_data
from edge_runtime.recording import Signal
from edge_runtime.simulator import Sensor, frames, play
from tests.artefacts import write_artefact
from tests.broker import Broker, Subscriber, needs_mosquitto, until

RATE_HZ = 1000.0
EDGE = [sys.executable, "-m", "edge_runtime"]
CONFIG = """
state_folder = "state"
[site]
site = "plant"
device = "gateway"
[broker]
host = "127.0.0.1"
port = {port}
client_id = "gateway"
backoff_s = [0.2, 0.5]
[report]
state_s = 0.5
health_s = 1.0
[[sensor]]
name = "pump"
port = "{line}"
model = "rms.onnx"
rate_hz = 1000
channels = ["x"]
unit = "g"
"""


def vibration(*levels, seconds=0.6):
    rng = np.random.default_rng(5)
    parts = [level * rng.standard_normal((round(seconds * RATE_HZ), 1)) for level in levels]
    return Signal(np.concatenate(parts).astype(np.float32), RATE_HZ, ("x",), "g")


class Site:
    """A folder with a model and a configuration, a pty for the sensor, and the service when it runs."""

    def __init__(self, folder, port):
        self.folder = folder
        write_artefact(folder / "rms.onnx")
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.line = os.ttyname(self._slave)
        self.config = folder / "edge.toml"
        self.config.write_text(CONFIG.format(port=port, line=self.line))
        self.service = None
        self._sent = 0

    def start(self, *, wait=True):
        log = (self.folder / "log").open("a")
        with log:
            self.service = subprocess.Popen([*EDGE, "run", "--config", self.config], stderr=log)
        if wait:
            until(
                lambda: self.log().count("watching pump") and self._opened(),
                what="the service reading its port",
            )
        return self

    def _opened(self):
        descriptors = Path(f"/proc/{self.service.pid}/fd")
        with contextlib.suppress(OSError):
            return any(os.readlink(item) == self.line for item in descriptors.iterdir())
        return False

    def log(self):
        return (self.folder / "log").read_text()

    def play(self, source):
        """Be the sensor; time goes on from one call to the next, as a real sensor's does."""
        for frame in frames(source, Sensor(frame_samples=50, boot_id=self._boot()), time.time_ns() // 1000):
            os.write(self.master, encode_data(frame, SampleFormat.FLOAT32))
            time.sleep(0.05)

    def _boot(self):
        self._sent += 1
        return self._sent

    def stop(self, number=signal.SIGTERM):
        if self.service is not None:
            with contextlib.suppress(ProcessLookupError):
                self.service.send_signal(number)
            code = self.service.wait(15)
            self.service = None
            return code
        return None

    def close(self):
        self.stop(signal.SIGKILL)
        for descriptor in (self.master, self._slave):
            os.close(descriptor)


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def site(tmp_path, broker):
    site = Site(tmp_path, broker.port)
    yield site
    site.close()


def told(subscriber):
    return [(body["type"], body["kind"]) for body in subscriber.events()]


@needs_mosquitto
def test_replay_says_what_live_says(site, broker):
    """Ids and times aside, byte for byte: the same recording through a pty and through `replay`."""
    source = vibration(0.3, 3.0, 0.3, 2.5, 0.3, seconds=0.7)
    np.savez(site.folder / "r.npz", samples=source.samples, rate_hz=RATE_HZ, channels=["x"], unit="g")
    command = [
        *EDGE,
        "replay",
        str(site.folder / "r.npz"),
        "--model",
        str(site.folder / "rms.onnx"),
        "--json",
    ]
    replayed = [json.loads(line) for line in subprocess.check_output(command, text=True).splitlines()]
    subscriber = Subscriber(broker.start().port)
    site.start()
    play([source], Sensor(frame_samples=50), lambda data: os.write(site.master, data))
    until(lambda: len(subscriber.events()) >= len(replayed), what="all events")
    assert site.stop() == 0
    live = subscriber.events()
    subscriber.close()
    wanted = [
        (item["type"], item["kind"], item["reason"], item["score"], item["threshold"]) for item in replayed
    ]
    assert len(wanted) == 4
    assert [(b["type"], b["kind"], b["reason"], b["score"], b["threshold"]) for b in live] == wanted
    shares = [[[band["name"], band["share"]] for band in body["top_bands"]] for body in live]
    assert shares == [item["top"] for item in replayed]
    starts = [time_s(body["start_time"]) for body in live]
    assert starts[0] == starts[1] < starts[2] == starts[3]


def time_s(text):
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float(text[19:-1])


@needs_mosquitto
def test_what_a_subscriber_sees(site, broker):
    subscriber = Subscriber(broker.start().port)
    site.start()
    until(lambda: subscriber.latest("availability") == b"online")
    site.play(vibration(0.3, 3.0))
    until(lambda: told(subscriber) == [("new", "anomaly")])
    state = until(lambda: (body := subscriber.latest("state")) and json.loads(body))
    assert (state["alarm"], state["model"]["name"], state["supported"]) == ("ON", "rms", True)
    health = json.loads(until(lambda: subscriber.latest("health")))
    assert health["sensor"]["frames"] > 10
    begun_s = time.monotonic()
    assert site.stop() == 0
    assert time.monotonic() - begun_s < 10
    until(lambda: subscriber.latest("availability") == b"offline")
    subscriber.close()


@needs_mosquitto
def test_nothing_is_lost_while_the_broker_is_away(site, broker):
    """Away at start and again in the middle; the sessions of the subscribers outlive both."""
    site.config.write_text(site.config.read_text() + "silence_s = 60\n")  # waiting here is no lost sensor
    subscriber = Subscriber(broker.start().port)
    listen = [*EDGE, "listen", "--broker", f"mqtt://127.0.0.1:{broker.port}", "--json", "--seconds", "60"]
    books = subprocess.Popen([*listen, "--client-id", "auditor"], stdout=subprocess.PIPE, text=True)
    while json.loads(books.stdout.readline())["what"] != "listening":
        pass
    broker.stop()
    site.start()
    site.play(vibration(0.3, 3.0))
    broker.start()
    until(lambda: told(subscriber) == [("new", "anomaly")], what="the alarm from before the broker")
    assert subscriber.events()[0]["replayed"] is True
    broker.stop()
    for _ in range(2):
        site.play(vibration(0.3, 0.3, 0.3, 3.0))
    time.sleep(1)
    broker.start()
    until(lambda: len(subscriber.events()) >= 5, 20, "the rest")
    site.play(vibration(0.3, 0.3, 0.3))
    until(lambda: len(subscriber.events()) >= 6, 20, "the last end")
    assert [kind for kind, _ in told(subscriber)] == ["new", "end"] * 3
    assert [body["seq"] for body in subscriber.events()] == [1, 2, 3, 4, 5, 6]
    assert len({body["epoch"] for body in subscriber.events()}) == 1
    assert [body["replayed"] for body in subscriber.events()] == [True] * 5 + [False]
    subscriber.close()
    time.sleep(1)
    books.send_signal(signal.SIGINT)
    said = [json.loads(line) for line in books.communicate(timeout=10)[0].splitlines()]
    assert books.returncode == 0
    assert said[-1]["what"] == "summary"
    assert said[-1]["lost"] == 0
    (stream,) = [line for line in said if line["what"] == "stream"]
    assert (stream["first"], stream["last"]) == (1, 6), stream


@needs_mosquitto
def test_an_alarm_outlives_a_crash(site, broker):
    subscriber = Subscriber(broker.start().port)
    site.start().play(vibration(0.3, 3.0))
    until(lambda: len(subscriber.events()) == 1)
    site.stop(signal.SIGKILL)
    begun_s = time.monotonic()
    site.start()
    assert time.monotonic() - begun_s < 5
    site.play(vibration(0.3, 0.3))
    until(lambda: len(subscriber.events()) == 2)
    new, end = subscriber.events()
    assert (new["type"], end["type"]) == ("new", "end")
    assert new["id"] == end["id"]
    assert new["start_time"] == end["start_time"]
    subscriber.close()


@needs_mosquitto
def test_a_lost_sensor_is_said_and_found_again(tmp_path, broker):
    site = Site(tmp_path, broker.start().port)
    link = tmp_path / "usb-sensor"
    link.symlink_to(site.line)
    site.config.write_text(site.config.read_text().replace(site.line, str(link)))
    subscriber = Subscriber(broker.port)
    site.start().play(vibration(0.3))
    link.unlink()
    os.close(site.master)
    lost = until(subscriber.events)[0]
    assert (lost["type"], lost["kind"], lost["score"]) == ("new", "sensor_fault", 1.0)
    assert lost["reason"].startswith("sensor_lost")
    site.master, site._slave = pty.openpty()
    tty.setraw(site._slave)
    link.symlink_to(os.ttyname(site._slave))
    time.sleep(2.2)
    site.play(vibration(0.3, 0.3, 0.3, 0.3))
    until(lambda: told(subscriber) == [("new", "sensor_fault"), ("end", "sensor_fault")])
    subscriber.close()
    site.close()


@needs_mosquitto
def test_garbage_is_named_within_seconds_and_raises_no_anomaly(site, broker):
    subscriber = Subscriber(broker.start().port)
    site.start()
    stop = threading.Event()

    def shout():
        while not stop.is_set():
            os.write(site.master, os.urandom(1000))
            time.sleep(0.01)

    thread = threading.Thread(target=shout)
    thread.start()
    event = until(subscriber.events, 9)[0]
    stop.set()
    thread.join()
    assert event["kind"] == "sensor_fault"
    assert "no_valid_frame" in event["reason"]
    assert "baud rate" in event["reason"]
    subscriber.close()


@needs_mosquitto
def test_garbage_costs_little_and_is_logged_once(site, broker):
    """Ten seconds of noise at the line rate of 921600 baud: a quiet log, a calm processor."""
    broker.start()
    site.start()
    process = psutil.Process(site.service.pid)
    busy_s, size = process.cpu_times(), process.memory_info().rss
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < 10:
        os.write(site.master, os.urandom(4096))
        time.sleep(4096 / 92160)
    used = process.cpu_times()
    assert (used.user + used.system - busy_s.user - busy_s.system) / 10 < 0.5
    assert process.memory_info().rss - size < 5e6
    assert len(site.log().splitlines()) <= 4


@needs_mosquitto
def test_a_stalled_gateway_counts_what_it_missed(site, broker):
    """SIGSTOP under a sensor that does not wait: what was missed is counted, and no alarm made up."""
    subscriber = Subscriber(broker.start().port)
    site.start()
    os.set_blocking(site.master, False)
    sent, refused = 0, 0
    for frame in frames(vibration(0.3, seconds=60), Sensor(frame_samples=50), time.time_ns() // 1000):
        if frame.sequence in (300, 900):
            site.service.send_signal(signal.SIGSTOP if frame.sequence == 300 else signal.SIGCONT)
        data = encode_data(frame, SampleFormat.FLOAT32)
        try:
            whole = os.write(site.master, data) == len(data)
        except BlockingIOError:
            whole = False
        sent, refused = sent + 1, refused + (not whole)
        time.sleep(0.005)
    assert refused > 10  # the port's own buffer was full: these were lost before they reached us
    os.set_blocking(site.master, True)
    line = until(
        lambda: (seen := health_of(subscriber)) and seen["frames"] + seen["faults.gap"] >= sent and seen
    )
    assert line["frames"] + line["faults.gap"] == sent
    assert all(body["kind"] == "sensor_fault" for body in subscriber.events())
    subscriber.close()


def health_of(subscriber):
    body = subscriber.latest("health")
    return json.loads(body)["sensor"] if body else None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_time_though_the_broker_is_not_there(site, number):
    site.start().play(vibration(0.3, 3.0))
    begun_s = time.monotonic()
    assert site.stop(number) == 0
    assert time.monotonic() - begun_s < 10


def test_a_second_signal_stops_at_once(site):
    site.start()
    service = site.service
    service.send_signal(signal.SIGTERM)
    time.sleep(0.05)
    begun_s = time.monotonic()
    assert site.stop() == 0
    assert time.monotonic() - begun_s < 1


@needs_mosquitto
@pytest.mark.parametrize("spare_bytes", [0, 2**16, 2**22])
def test_without_memory_it_goes_on_or_ends_and_is_never_half_alive(site, broker, spare_bytes):
    """What it raised before is there when it starts again."""
    subscriber = Subscriber(broker.start().port)
    site.start().play(vibration(0.3, 3.0))
    until(lambda: len(subscriber.events()) == 1)
    process = psutil.Process(site.service.pid)
    most = process.memory_info().vms + spare_bytes
    process.rlimit(psutil.RLIMIT_AS, (most, most))
    broker.stop()  # a new connection takes memory too
    os.set_blocking(site.master, False)
    broker.start()
    with contextlib.suppress(BlockingIOError):
        site.play(vibration(0.3, 0.3, 3.0, seconds=1))
    os.set_blocking(site.master, True)
    if site.service.poll() is None:
        until(lambda: ("end", "anomaly") in told(subscriber), what="an alarm's end, though memory is short")
        site.stop(signal.SIGKILL)
    else:
        assert site.service.returncode != 0, "whoever watches starts it again"
    site.start().play(vibration(0.3, 0.3))
    until(lambda: told(subscriber)[-1] == ("end", "anomaly"))
    subscriber.close()


def test_it_ends_when_a_part_of_it_has_died(site):
    """Whoever watches, systemd or a container engine, starts it again; half a gateway would look healthy."""
    broken = (
        "from edge_runtime import intake, service\n"
        "def run(self): raise RuntimeError('out of luck')\n"
        "intake.PortReader.run = run\n"
        "service.main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", broken, site.config], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 70
    assert "the reader of pump stopped working" in ended.stderr.splitlines()[-1]


def test_systemd_is_told(site, tmp_path, monkeypatch):
    """READY when watching, WATCHDOG while work goes on, nothing while it does not, STOPPING at the end."""
    heard = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(0.1)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")

        def listen(seconds):
            deadline, before = time.monotonic() + seconds, len(heard)
            while time.monotonic() < deadline:
                with contextlib.suppress(TimeoutError):
                    heard.append(ear.recv(1000).decode())
            return heard[before:]

        site.start()
        assert any(text.startswith("READY=1") for text in listen(1))
        assert listen(2).count("WATCHDOG=1") >= 2
        site.service.send_signal(signal.SIGSTOP)
        listen(0.3)
        assert listen(1.5) == []
        site.service.send_signal(signal.SIGCONT)
        site.stop()
        assert "STOPPING=1" in listen(1)


def test_a_bad_configuration_is_refused_within_a_second(site):
    site.config.write_text("nonsense = 1")
    times = []
    for _ in range(3):
        begun_s = worked_s()
        assert refused(site, "check", "--config", str(site.config))[0] == 78
        times.append(worked_s() - begun_s)
    assert min(times) < 1.0


def worked_s():
    """Processor seconds of the programs that were started and have ended: what else runs does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@needs_mosquitto
def test_reload(site, broker):
    subscriber = Subscriber(broker.start().port)
    site.start()
    good = site.config.read_text()
    site.config.write_text(good.replace('unit = "g"', 'units = "g"'))
    site.service.send_signal(signal.SIGHUP)
    until(lambda: "reload refused" in site.log(), what="the refusal")
    assert "Did you mean 'unit'" in site.log()
    site.config.write_text(good.replace('unit = "g"', 'unit = "g"\nthreshold = 50.0'))
    site.service.send_signal(signal.SIGHUP)
    until(lambda: site.log().count("watching pump") == 2, what="the second start")
    until(site._opened)
    site.play(vibration(0.3, 3.0))
    assert subscriber.events() == []
    assert json.loads(subscriber.latest("state"))["supported"] is False  # a site's threshold is its own word
    assert site.stop() == 0
    subscriber.close()


def refused(site, *command):
    done = subprocess.run([*EDGE, *command], capture_output=True, text=True, timeout=30, check=False)
    assert "Traceback" not in done.stderr
    refusals = [line for line in done.stderr.splitlines() if line.startswith("edge-runtime: ")]
    assert len(refusals) == 1
    return done.returncode, refusals[0]


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ('unit = "g"', 'units = "g"', 78, "Did you mean 'unit'?"),
        ("rate_hz = 1000", "rate_hz = 48000", 78, "48000.0 here and 1000.0 in the model"),
        ('unit = "g"', 'unit = "m/s2"', 78, "unit is m/s2 here and g in the model"),
        ('["x"]', '["x", "y"]', 78, "in the model"),
        ("rms.onnx", "none.onnx", 65, "No such file"),
        ("rms.onnx", "edge.toml", 65, "onnxruntime refuses it"),
    ],
)
def test_start_is_refused(site, command, old, new, code, says):
    assert old in site.config.read_text()
    site.config.write_text(site.config.read_text().replace(old, new, 1))
    got, text = refused(site, command, "--config", str(site.config))
    assert (got, says in text) == (code, True), text


def test_a_port_in_use_and_a_second_instance_are_refused(site):
    site.start()
    code, text = refused(site, "check", "--config", str(site.config))
    assert (code, "another program has the port" in text) == (75, True)
    site.config.write_text(site.config.read_text().replace(site.line, "/dev/steadyhum-none"))
    code, text = refused(site, "run", "--config", str(site.config))
    assert code == 75
    assert "state" in text
    assert site.stop() == 0


def test_check_says_what_will_run_and_what_is_missing(site):
    site.config.write_text(site.config.read_text().replace(site.line, "/dev/steadyhum-none"))
    said = subprocess.check_output([*EDGE, "check", "--config", str(site.config)], text=True)
    assert "pump: rms, 64 samples of x in g at 1000 Hz, threshold 1: ok" in said
    assert "missing now" in said
