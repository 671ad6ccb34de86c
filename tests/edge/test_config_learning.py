"""What a site settles about models that its gateway learns."""

from pathlib import Path

import pytest

from edge_runtime.configuration.config import Config, read_config
from edge_runtime.core.errors import ConfigError

TEXT = """\
state_folder = "state"
[site]
site = "plant"
device = "gateway"
[broker]
host = "broker.plant"
accept_insecure = true
[learning]
allow = true
{learning}
[[sensor]]
name = "pump"
port = "/dev/ttyACM0"
model = "learn"
rate_hz = 1000
channels = ["x"]
unit = "g"
{sensor}
"""


def config(tmp_path: Path, learning: str = "", sensor: str = "") -> Config:
    path = tmp_path / "config.toml"
    path.write_text(TEXT.format(learning=learning, sensor=sensor))
    return read_config(path)


def test_a_sensor_that_learns(tmp_path: Path) -> None:
    read = config(tmp_path, 'false_alarms = "1/month"', 'machine_group = "2-rigid"')
    assert read.sensor[0].learns
    assert read.sensor[0].machine_group == "2-rigid"
    assert read.learning.terms.auto_arm is False
    (tmp_path / "config.toml").write_text(
        TEXT.format(learning="", sensor="").replace('"learn"', '"learn.onnx"')
    )
    assert not read_config(tmp_path / "config.toml").sensor[0].learns


@pytest.mark.parametrize(
    ("learning", "sensor", "says"),
    [
        ("least_s = 0", "", "least_s is 0.0, must be within 0.1 and"),
        ("shadow_s = inf", "", "shadow_s is inf"),
        ("calibrate_s = 1e9", "", "calibrate_s is 1000000000.0"),
        ("shadow_alarms = -1", "", "shadow_alarms is -1, must be within 0 and 1000"),
        ('detector = "PCA!"', "", "detector is 'PCA!'"),
        ('false_alarms = "few"', "", "false_alarms is 'few', must be as in `1/month`"),
        ("", 'machine_group = "3"', "machine_group is '3'"),
        ("arm = true", "", "unknown key 'learning.arm'"),
    ],
)
def test_what_cannot_be(tmp_path: Path, learning: str, sensor: str, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config(tmp_path, learning, sensor)
    assert says in str(raised.value)
    assert raised.value.remedy


def test_learning_that_nobody_allowed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT.format(learning="", sensor="").replace("allow = true", ""))
    with pytest.raises(ConfigError, match="the model of 'pump' is to be learnt: set `allow = true`"):
        read_config(path)
