"""A fleet whose sensors have no model yet: sheet, card, configuration; and the card of a replacement."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.provisioning.sheet import read_sheet
from edge_runtime.configuration.config import read_config
from edge_runtime.core.errors import ConfigError
from edge_runtime.gateway.backup import save
from tests.deploy.fleet_folder import BY_ID, FleetFolder
from tests.edge.adapting_site import write_adaptable

HEAD = "device,site,sensor,port,model,broker,rate_hz,channels,unit,machine_group,base_model\n"
ROW = (
    f"pump-7,plant-1,motor;gear,{BY_ID}_1;{BY_ID}_2,learn;pump,broker.plant,12000;,x y z;,g;,2-rigid;\n"
    f"fan-1,plant-1,bearing,{BY_ID}_3,learn,broker.plant,3200,x,m/s2,\n"
    f"press-2,plant-1,ram,{BY_ID}_4,pump,broker.plant,,,,\n"
)


def test_a_sensor_that_learns_beside_one_with_a_model(fleet: FleetFolder) -> None:
    fleet.sheet.write_text(HEAD + ROW)
    done = fleet.run()
    assert done.returncode == 0, done.stderr
    config = read_config(fleet.out / "pump-7" / "steadyhum" / "config.toml")
    motor, gear = config.sensor
    assert (motor.learns, motor.rate_hz, motor.channels, motor.unit) == (True, 12000.0, ("x", "y", "z"), "g")
    assert (motor.machine_group, gear.machine_group, gear.learns) == ("2-rigid", "", False)
    assert (config.learning.allow, config.learning.auto_arm) == (True, False)
    assert config.model_authority is not None
    fan = fleet.out / "fan-1" / "steadyhum"
    assert sorted(path.name for path in (fan / "models").iterdir()) == ["SHA256SUMS", "SHA256SUMS.p7s"]
    assert "edge-runtime commission bearing learn" in (fleet.out / "fan-1.html").read_text()
    press = fleet.out / "press-2" / "steadyhum"
    assert not read_config(press / "config.toml").learning.allow, "nobody asked for it"
    assert "learn" not in (fleet.out / "press-2.html").read_text()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (f"p,s,a,{BY_ID}_1,learn,b,,x,g,", "rate_hz: missing for the sensor that learns"),
        (f"p,s,a,{BY_ID}_1,learn,b,1000,,g,", "channels: missing for the sensor that learns"),
        (f"p,s,a,{BY_ID}_1,learn,b,fast,x,g,", "rate_hz: 'fast' is no sampling rate in Hz"),
        (f"p,s,a,{BY_ID}_1,learn,b,0,x,g,", "rate_hz: '0' is no sampling rate in Hz"),
        (f"p,s,a,{BY_ID}_1,learn,b,1000,x,g,3", "machine_group: '3' is none of 1-rigid"),
        (f"p,s,a,{BY_ID}_1,pump,b,1000,,,", "rate_hz: '1000', which the model 'pump' says itself"),
        (f"p,s,a;c,{BY_ID}_1;{BY_ID}_2,learn;learn,b,1000,x;y,g;g,", "1 in rate_hz"),
        (f"p,s,a,{BY_ID}_1,pump,b,,,,,fan", "base_model: 'fan', and the sensor has the model 'pump'"),
        (f"p,s,a,{BY_ID}_1,learn,b,1000,x,g,,../fan", "no name of a file in the models' folder"),
    ],
)
def test_what_is_wrong_with_the_columns_for_sensors_that_learn(tmp_path: Path, row: str, says: str) -> None:
    sheet = tmp_path / "fleet.csv"
    sheet.write_text(f"{HEAD}{row}\n")
    with pytest.raises(ConfigError) as raised:
        read_sheet(sheet)
    assert says in str(raised.value)


def test_a_base_model_is_on_the_card_and_signed(fleet: FleetFolder) -> None:
    write_adaptable(fleet.models / "sister.onnx")
    fleet.sheet.write_text(f"{HEAD}fan-1,plant-1,bearing,{BY_ID}_3,learn,broker.plant,1000,x,g,,sister\n")
    done = fleet.run()
    assert done.returncode == 0, done.stderr
    home = fleet.out / "fan-1" / "steadyhum"
    (sensor,) = read_config(home / "config.toml").sensor
    assert (sensor.learns, sensor.file) == (True, Path("/etc/edge-runtime/models/sister.onnx"))
    assert "sister.onnx" in (home / "models" / "SHA256SUMS").read_text()
    fleet.out = fleet.folder / "refused"
    fleet.sheet.write_text(fleet.sheet.read_text().replace("1000,x,g", "2000,x,g"))
    assert "rate_hz is 2000.0 here and 1000.0 in the model" in fleet.refused(code=78)
    fleet.sheet.write_text(fleet.sheet.read_text().replace("2000,x,g,,sister", "1000,x,g,,pump"))
    assert "a model of rms cannot be adapted" in fleet.refused(code=65)


def test_a_card_for_a_replacement_has_what_the_device_had_learnt(fleet: FleetFolder, tmp_path: Path) -> None:
    fleet.sheet.write_text(HEAD + ROW)
    assert fleet.run("--device", "fan-1").returncode == 0
    text = (fleet.out / "fan-1" / "steadyhum" / "config.toml").read_text()
    site = tmp_path / "site"
    site.mkdir()
    state = site / "state"
    record = state / "commissioning" / "bearing" / "record.json"
    record.parent.mkdir(parents=True)
    config = site / "config.toml"
    config.write_text(text.replace("/var/lib/edge-runtime", str(state)))
    stick = tmp_path / "stick"
    save(read_config(config), stick)
    fleet.out = fleet.folder / "again"
    words = ("--device", "fan-1", "--backup", stick)
    done = fleet.run(*words)
    assert done.returncode == 0, done.stderr
    home = fleet.out / "fan-1" / "steadyhum"
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=home, check=True)
    assert json.loads((home / "backup" / "backup.json").read_text())["device"] == "fan-1"
    command = [sys.executable, "-m", "edge_runtime", "restore", str(home / "backup"), "--config", str(config)]
    subprocess.run(command, check=True)
    fleet.out = fleet.folder / "other"
    assert "is a backup of plant-1/fan-1" in fleet.refused("--device", "press-2", "--backup", stick, code=78)
    assert "and so is a backup" in fleet.refused("--backup", stick, code=78)
