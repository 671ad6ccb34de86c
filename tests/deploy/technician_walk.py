"""The technician's way with a sensor that has no model: sheet, card, first boot, record, learn, arm, alarm.

    python -m tests.deploy.technician_walk

types every command of docs/technician.md that needs neither root nor a board, as it stands there, and prints
what comes of it; its test types those of one sensor's way to the first alarm. The plant's models are signed
(`model_authority`), its broker is the shipped one with certificates, and no model is anywhere. The service,
the learner and the commands are the real ones. What is shorter than at a plant: recordings of seconds instead
of minutes, and the time in which the sensor is watched. What `install.sh` puts in its place as root is put
there by hand; with it, it is `make test-deb`.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from deploy.demo_machine import Machine, running_machine
from edge_runtime.sensors import Signal, open_output
from tests.broker import until
from tests.deploy.fleet_folder import NOW, FleetFolder
from tests.deploy.heavy import ROOT
from tests.deploy.mosquitto_site import Client, Gateway
from tests.processes import end, start
from tests.trainer.captured import hum, knocking
from tests.waiting import HANG_S, scaled

PAGE = (ROOT / "docs/technician.md").read_text(encoding="utf-8")
DEVICE, SENSOR = "pump-7", "gear"
BASE = f"steadyhum/plant-1/{DEVICE}"
RATE_HZ = 4000.0
HEAD = "device,site,sensor,port,model,broker,rate_hz,channels,unit,machine_group"
ROW = "{device},plant-1,{sensor},/dev/serial/by-id/usb-steadyhum_2,learn,127.0.0.1:{port},{rate},x,g,2-rigid"
COMPRESSED = "allow = true\nleast_s = 5.0\ncalibrate_s = 1.0\nshadow_s = 1.0\n"
"""At a plant the sheet's `allow = true` alone: a minute, two minutes, a day."""
RECORDED_S = 6.0
PLAYED_S = 20.0
"""Of each load: longer than its recording, as the same vibration twice is refused."""
EDGE = [sys.executable, "-m", "edge_runtime"]
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
NEEDS_A_PLANT = ("make", "mosquitto_passwd", "mosquitto_sub", "chown", "systemctl", "sudo adduser")
"""How commands begin that need root, a compiler, or a broker of the name on the page."""


def lines(text: str) -> list[str]:
    """The commands in the text's blocks of code, without what is said of them."""
    said = [re.split(r"\s#", line)[0].strip() for found in FENCE.findall(text) for line in found.splitlines()]
    return [line for line in "\n".join(said).replace("\\\n", " ").splitlines() if line]


def block(heading: str) -> list[list[str]]:
    """The words of the commands below a heading of the page."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert section, f"docs/technician.md has no {heading!r}"
    return [shlex.split(line) for line in lines(section)]


def signal(seed: int, level: float, *, faulty: bool = False) -> Signal:
    """What the machine sounds like."""
    sound = hum(PLAYED_S, seed, level, RATE_HZ)
    return Signal(knocking(sound, RATE_HZ) if faulty else sound, RATE_HZ, ("x",), "g")


class Walk:
    """A plant with one gateway that was provisioned from a sheet, and its only sensor's machine."""

    def __init__(self, folder: Path, *, says: bool = False) -> None:
        self._stack, self._says = ExitStack(), says
        self.fleet = FleetFolder(folder)
        for model in self.fleet.models.iterdir():
            model.unlink()
        self.etc, self.state = folder / "etc", folder / "lib"
        self.config = self.etc / "config.toml"
        self.full, self.half = signal(1, 0.03), signal(2, 0.027)
        self.fault = signal(3, 0.6, faulty=True)

    def __enter__(self) -> Self:
        authority = self.fleet.authority
        authority.server(["127.0.0.1"], NOW)
        authority.device("steadyhum-viewer", NOW)
        self.broker = Gateway(self.fleet.folder / "broker", authority).start()
        self._stack.callback(self.broker.stop)
        self.viewer = Client(self.broker, "steadyhum-viewer", topics=["steadyhum/#"])
        self._stack.callback(self.viewer.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def provision(self) -> Path:
        """Sheet and card; what is on the card."""
        row = ROW.format(device=DEVICE, sensor=SENSOR, port=self.broker.tls_port, rate=RATE_HZ)
        self.fleet.sheet.write_text(f"{HEAD}\n{row}\n")
        done = self.fleet.run()
        assert done.returncode == 0, done.stderr
        return self.fleet.out / DEVICE / "steadyhum"

    def boot(self, card: Path, line: str) -> None:
        """Put in place what `install.sh` does, for the port and folders of here, and start the service."""
        shutil.copytree(card / "models", self.etc / "models")
        for name in ("ca.crt", "device.crt", "device.key"):
            shutil.copy(card / name, self.etc)
        (self.etc / "device.key").chmod(0o600)
        text = (card / "config.toml").read_text(encoding="utf-8")
        assert 'model_authority = "/etc/edge-runtime/ca.crt"' in text
        for there, here in (
            ("/etc/edge-runtime", str(self.etc)),
            ("/var/lib/edge-runtime", str(self.state)),
            ("/dev/serial/by-id/usb-steadyhum_2", line),
            ("allow = true\n", COMPRESSED),
        ):
            assert there in text, there
            text = text.replace(there, here)
        self.config.write_text(text, encoding="utf-8")
        self.state.mkdir()
        self.start()

    def start(self) -> None:
        """Start the service."""
        with (self.fleet.folder / "log").open("a") as log:
            self._service = start([*EDGE, "run", "--config", str(self.config)], stderr=log)
        self._stack.callback(end, self._service)
        self._begun = len(self.viewer.seen)

    def stop(self) -> None:
        """End the service."""
        end(self._service)

    def plug_in(self) -> tuple[str, Machine]:
        """The sensor on its machine: its port, and what is told how to run."""
        link = self.fleet.folder / "line"
        _, write = self._stack.enter_context(open_output("pty", 0, link))
        machine = self._stack.enter_context(running_machine(write, self.full))
        return str(link), machine

    def edge(self, *words: str, code: int | None = 0) -> str:
        """Give a command of the edge, with this exit code or any; what it said."""
        return self._run([*EDGE, *words], code)

    def type(self, words: list[str], code: int | None = 0, places: Mapping[str, str] | None = None) -> str:
        """Type a line of the page, with `places` for its words: the service stands elsewhere than at a
        plant."""
        # A sensor that plays on a busy machine says less in a second.
        shorter = {"5min": f"{min(scaled(RECORDED_S), 0.9 * PLAYED_S):.0f}s"}
        words = [{**shorter, **(places or {})}.get(word, word) for word in words]
        assert words[0] == "edge-runtime", words
        return self.edge(*words[1:], "--config", str(self.config), code=code)

    def learn(self) -> None:
        """What the unit steadyhum-learn does where the service has asked."""
        self._run([sys.executable, "-m", "trainer", "learn", str(self.state), "--once", "--nice", "0"], 0)

    def condition(self) -> dict[str, Any]:
        """The newest that the plant was told of the sensor since the service runs; empty before anything
        was."""
        heard = self.viewer.seen[self._begun :]
        said = [body for topic, body in heard if topic == f"{BASE}/{SENSOR}/condition"]
        newest: dict[str, Any] = json.loads(said[-1]) if said else {}
        return newest

    def alarms(self) -> list[dict[str, Any]]:
        """The events about the machine."""
        bodies = [json.loads(body) for topic, body in self.viewer.seen if topic == f"{BASE}/{SENSOR}/event"]
        return [body for body in bodies if body["kind"] == "anomaly"]

    def wait(self, what: str, **wanted: object) -> None:
        """Wait until the condition says so."""
        until(lambda: wanted.items() <= self.condition().items(), what=what)

    def _run(self, command: list[str], code: int | None) -> str:
        if self._says:
            print("$", shlex.join(command[2:]), flush=True)
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=scaled(5 * HANG_S)
        )
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        assert code in (None, done.returncode), f"{shlex.join(command)}: {said}"
        if self._says:
            print(said, end="", flush=True)
        return said


def to_the_first_alarm(walk: Walk, *, everything: bool) -> Machine:
    """From the sheet to the alarm of a sensor that had no model; the machine goes on.

    Of one load alone where not `everything` is typed.
    """
    card = walk.provision()
    line, machine = walk.plug_in()
    walk.boot(card, line)
    if everything:
        assert "gear: learning, ok" in walk.edge("check", "--config", str(walk.config))
    walk.wait("the sensor being heard", link="up", commissioning="learning")
    typed = {words[3] if words[3:] and words[1] != "record" else words[1]: words for words in LEARNS}
    walk.type(typed["record"])
    if everything:
        machine.play(walk.half)
        walk.type(["half load" if word == "full load" else word for word in typed["record"]])
        machine.play(walk.full)
    assert walk.type(typed["learn"]).startswith(f"{SENSOR}: learning")
    walk.learn()
    asks = until(lambda: walk.condition()["asks"], what="what the sensor asks for")
    assert "asks to be armed" in asks, asks
    if everything:
        assert walk.type(typed["commission"]).startswith(f"{SENSOR}: shadow")
    assert not walk.alarms()
    assert walk.type(typed["arm"]).startswith(f"{SENSOR}: armed")
    walk.wait("the armed sensor", commissioning="armed")
    machine.play(walk.fault)
    until(walk.alarms, what="the alarm")
    assert walk.alarms()[0]["model"]["origin"] == "learnt-here"
    return machine


def at_the_gateway(walk: Walk, machine: Machine) -> None:
    """What is typed once there are alarms: at them, on a stick, after a repair."""
    walk.type(["edge-runtime", "doctor"], code=None)
    for words in block("Alarms at the gateway"):
        # What is not latched cannot be reset; a person who tries is told so.
        walk.type(words, code=65 if words[2:3] == ["reset"] else 0, places={"ID": walk.alarms()[0]["id"]})
    machine.play(walk.full)
    until(lambda: walk.alarms()[-1]["type"] == "end", what="the end of the alarm")
    stick = walk.fleet.folder / "stick"
    before = walk.condition()["commissioning"]
    (backup,) = (words for words in LEARNS if words[1] == "backup")
    walk.type(backup, places={"/media/usb/pump-7": str(stick)})
    walk.stop()
    shutil.rmtree(walk.state)
    walk.state.mkdir()
    walk.edge("restore", str(stick), "--config", str(walk.config))
    walk.start()
    walk.wait("what was learnt, on another card", commissioning=before)
    codes = {"accept": 65, "after-repair": 0, "retire": 65}  # nothing is offered; nothing is left to retire
    for words in LEARNS:
        if words[3:] and words[3] in codes:
            walk.type(words, code=codes[words[3]])


def at_the_office(folder: Path) -> None:
    """Authority, access list, cards, signatures, and a certificate that is taken back."""
    fleet = FleetFolder(folder / "fleet")
    desk = folder / "desk"
    (desk / "build" / "deb").mkdir(parents=True)
    for name in (".venv", "deploy", "edge_runtime", "trainer"):
        (desk / name).symlink_to(ROOT / name)
    shutil.copy(fleet.package, desk / "build" / "deb")
    shutil.copytree(fleet.models, desk / "models")
    shutil.copy(fleet.models / "pump.onnx", desk / "models" / "gear.onnx")
    sheet = re.search(r"^```\n(device,.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert sheet, "docs/technician.md has no sheet"
    (desk / "fleet.csv").write_text(sheet[1])
    (desk / "secret").write_text("four words in a row\n")
    (desk / "secret").chmod(0o600)
    environment = {**os.environ, "STEADYHUM_PASSPHRASE_FILE": str(desk / "secret")}
    for line in OFFICE:
        # Shown first, then made: only what was made can be revoked.
        for typed in dict.fromkeys((line, line.replace(" --dry-run", ""))):
            print("$", typed, flush=True)
            subprocess.run(["sh", "-ec", typed], cwd=desk, env=environment, check=True)


LEARNS = block("A sensor that learns")
OFFICE = [
    *(line for line in lines(PAGE) if line.startswith("deploy/")),
    *re.findall(r"`(deploy/authority sign [a-z]+)`", PAGE),
]
"""What is typed at the office, in the page's order."""


def main() -> None:
    """Type all of it."""
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plant").mkdir()
        (folder / "fleet").mkdir()
        with Walk(folder / "plant", says=True) as walk:
            at_the_gateway(walk, to_the_first_alarm(walk, everything=True))
        at_the_office(folder)
    print(f"{time.monotonic() - begun_s:.0f} s")


if __name__ == "__main__":
    main()
