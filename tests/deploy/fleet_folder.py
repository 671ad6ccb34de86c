"""The technician's fleet: a fleet sheet, models, an authority and a package to provision from."""

import datetime as dt
import subprocess
from pathlib import Path

from deploy.certification.folder import Folder
from tests.artefacts import write_artefact
from tests.deploy.heavy import ROOT
from tests.waiting import HANG_S, scaled

NOW = dt.datetime.now(dt.UTC)
BY_ID = "/dev/serial/by-id/usb-steadyhum"
SHEET = f"""\
device,site,sensor,port,model,broker,platform,address,gateway,dns
pump-7,plant-1,motor;gear,{BY_ID}_1;{BY_ID}_2,pump;fan.onnx,broker.plant,pi,192.0.2.7/24,192.0.2.1,192.0.2.1
fan-1,plant-1,bearing,/dev/ttyAMA0,fan,broker.plant:8884,,,,
press-2,hall 2,ram,{BY_ID}_3,pump,192.0.2.9,jetson,,,
"""


class FleetFolder:
    """The technician's laptop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sheet, self.out = folder / "fleet.csv", folder / "cards"
        self.models, self.authority = folder / "models", Folder(folder / "authority")
        self.models.mkdir()
        write_artefact(self.models / "pump.onnx")
        write_artefact(self.models / "fan.onnx", channels=("x", "y"), unit="m/s2")
        self.authority.init("plant 1", NOW)
        self.package = folder / "steadyhum-edge_0.1.0-1_arm64.deb"
        self.package.write_bytes(b"!<arch>\ndebian-binary" + bytes(1000))
        self.sheet.write_text(SHEET)

    def run(self, *words: object) -> "subprocess.CompletedProcess[str]":
        """Provision from the sheet."""
        command: list[object] = [ROOT / "deploy" / "provision", self.sheet, "--models", self.models]
        command += ["-o", self.out]
        command += ["--authority", self.authority.path, "--package", self.package, *words]
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, check=False, timeout=scaled(HANG_S)
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def state(self) -> dict[Path, bytes]:
        """Every file there is, with its content."""
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def refused(self, *words: object, code: int) -> str:
        """Run, assert that nothing was written, return what was said."""
        before = self.state()
        done = self.run(*words)
        assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
        assert self.state() == before
        return done.stderr
