"""docs/updates.md is walked: every command on it is typed, from the first key to the model that went back."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.certification.__main__ import app
from deploy.certification.folder import Folder
from edge_runtime.cli.commands import app as edge_app
from edge_runtime.core.errors import EdgeError
from tests.artefacts import write_artefact
from tests.attack.updates.running import KINDS
from tests.deploy.heavy import ROOT
from tests.deploy.technician_walk import lines
from tests.deploy.test_publishing import NOW
from tests.edge.sites import CONFIG

TEXT = (ROOT / "docs/updates.md").read_text(encoding="utf-8")


PROGRAMS = {"deploy/authority": app, "edge-runtime": edge_app}


class Walk:
    """A folder that is workstation, stick and gateway at once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stick = folder, folder / "usb"
        (folder / "exported").mkdir()
        for name in ("pump", "fan"):
            write_artefact(folder / "exported" / f"{name}.onnx", name=name)
        signed = folder / "models"
        signed.mkdir()
        write_artefact(signed / "rms.onnx")
        write_artefact(folder / "rms.onnx")
        authority = Folder(folder / "plant-authority")
        authority.init("plant-1", NOW)
        authority.sign_models(signed, NOW)
        text = CONFIG.format(port=1, line="/dev/null").replace('"plant"', '"plant-1"')
        trust = re.search(r"```toml\n(\[updates\].*?)```", TEXT, re.DOTALL)[1]
        text = text.replace('"gateway"', '"gateway-7"').replace("[[sensor]]", f"{trust}[[sensor]]")
        (folder / "edge.toml").write_text(text)
        (folder / "state").mkdir()
        # Pictures of the last holiday.
        self.stick.mkdir()
        (self.stick / "IMG_1.jpg").write_bytes(b"\xff\xd8")

    def type(self, line: str) -> str:
        """Type a line of the page."""
        line = line.replace("/media/usb", str(self.stick))
        line = re.sub(r"/media/drawer-\d", "plant-authority/models/keys", line)
        words = shlex.split(line)
        done = CliRunner().invoke(PROGRAMS[words[0]], words[1:])
        if isinstance(done.exception, EdgeError):
            raise done.exception
        assert done.exit_code == 0, (line, done.output)
        return done.output

    def write_stick(self) -> None:
        """What the page says of sticks and of root.json."""
        target = self.stick / "steadyhum-models"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.folder / "plant-authority/models/repository", target)
        if not (self.folder / "root.json").exists():
            shutil.copy(self.folder / "plant-authority/models/root.json", self.folder / "root.json")


def test_a_technician_with_a_stick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    walk, said = Walk(tmp_path), {}
    for line in lines(TEXT):
        if line.startswith("edge-runtime update"):
            walk.write_stick()
        said[line] = walk.type(line)
    assert len(said) == 11
    by = {key.split(" --")[0].replace("deploy/authority ", ""): text for key, text in said.items()}
    assert "pump: taken up" in by["edge-runtime update /media/usb"]
    assert "plant-1/device/gateway-7/pump/pump.onnx" in said["edge-runtime models --config edge.toml"]
    assert (
        "back to" in said['edge-runtime models --back pump --note "rattles at half load" --config edge.toml']
    )
    assert "30 days" in TEXT
    assert "plant-1/device/gateway-7/pump/rms.onnx" in by["models migrate models"]
    walk.write_stick()
    assert "pump: is run already" in walk.type("edge-runtime update /media/usb --config edge.toml")
    assert (walk.stick / "IMG_1.jpg").exists()


def test_what_the_page_says_of_refusals_is_what_attacks_meet() -> None:
    rows = TEXT.split("| it says |")[1].splitlines()[2:]
    said = re.findall(r"`([^`]+)`", " ".join(row.split("|")[1] for row in rows if row.startswith("|")))
    code = "\n".join(path.read_text() for path in (ROOT / "edge_runtime").rglob("*.py"))
    for text in said:
        for part in filter(None, (part.strip() for part in text.split("..."))):
            assert part in code, text
    assert len(said) > 12
    assert len(KINDS) >= 30
