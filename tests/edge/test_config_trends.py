"""Limits of the site's in the configuration: what they may be, and the line of what they may not."""

import math
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.configuration import Config, read_config
from edge_runtime.core import AlarmKind, ConfigError
from edge_runtime.sensors.trend_settings import NO_TRENDS, TrendRule, TrendSettings

TEXT = """\
state_folder = "state"
{top}
[site]
site = "plant"
device = "gateway"
[broker]
host = "localhost"
client_id = "gateway"
[[sensor]]
name = "pump"
port = "/dev/ttyUSB0"
model = "pump.onnx"
rate_hz = {rate}
channels = ["x"]
unit = "{unit}"
{more}
{trends}
"""
ALL = """\
[sensor.trends.velocity]
above_zone = "B"
rise = 1.5
within_s = 3600
[sensor.trends.level]
baseline = 2.0
percent_of_baseline = 250
[sensor.trends.reading]
name = "temperature"
above = 80
"""
GROUP = 'machine_group = "2-rigid"'


def config(folder: Path, trends: str = ALL, **other: Any) -> Config:
    path = folder / "edge.toml"
    known = {"top": "", "rate": 12000, "unit": "g", "more": GROUP} | other
    path.write_text(TEXT.format(trends=trends, **known))
    return read_config(path)


def test_each_limit_is_read_and_without_one_nothing_is_asked_for(tmp_path: Path) -> None:
    (sensor,) = config(tmp_path).sensor
    assert sensor.trends.kinds == {AlarmKind.VELOCITY, AlarmKind.LEVEL, AlarmKind.READING}
    assert sensor.trends.rules[AlarmKind.READING].above == 80
    assert (sensor.trends.longest_s, NO_TRENDS.longest_s) == (3600, 0)
    (sensor,) = config(tmp_path, "").sensor
    assert (sensor.trends, sensor.trends.kinds) == (NO_TRENDS, frozenset())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('above_zone = "B"', 'above_zone = "D"', "Choose one of A, B, C"),
        ('above_zone = "B"', "abov = 3", "Did you mean 'above'"),
        ("baseline = 2.0\npercent_of_baseline = 250", "above = 0", "has the limit 0, which must be positive"),
        ("rise = 1.5", "rise = 0", "rise is 0, must be positive"),
        ("rise = 1.5", "above = nan", "above is nan, must be finite"),
        ("within_s = 3600", "within_s = 60", "within_s"),
        ("within_s = 3600", "deadband = 1", "deadband"),
        ("within_s = 3600", "on_delay_s = 1e6", "on_delay_s"),
        ("percent_of_baseline = 250", "", "belong together"),
        ("percent_of_baseline = 250", "percent_of_baseline = 100", "percent_of_baseline"),
        ("baseline = 2.0", "baseline = 0", "baseline is 0, must be positive"),
        ("above = 80", "", "above, above_zone, percent_of_baseline and rise are missing"),
        ("above = 80", 'above_zone = "B"', "zones are of the velocity alone"),
        ('name = "temperature"', "", "a reading is stated with its name"),
        ('name = "temperature"', f'name = "{"t" * 101}"', "name has 101 characters"),
        ("within_s = 3600", 'name = "x"', "a reading is stated with its name"),
    ],
)
def test_what_a_rule_cannot_be(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Each is refused with a line of its own table, or of the sensor's."""
    with pytest.raises(ConfigError) as raised:
        config(tmp_path, ALL.replace(old, new, 1))
    assert said in str(raised.value)
    assert "line 1," not in str(raised.value)


def test_a_refusal_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        config(tmp_path, ALL.replace("rise = 1.5", "rise = -1"))
    line = TEXT.format(top="", rate=1, unit="", more="", trends=ALL).splitlines().index("rise = 1.5") + 1
    assert raised.value.where.endswith(f"line {line}")


def test_a_table_of_no_list_keeps_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'broker\.tls\.ca'") as raised:
        config(tmp_path, more=f'{GROUP}\n[broker.tls]\nca = "x"')
    assert raised.value.where.endswith("line 18")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"more": ""}, "machine_group is missing"),
        ({"top": "[history]\nenabled = false"}, "[history] is not enabled"),
        ({"unit": "mV"}, "whose unit must be one of g"),
        ({"rate": 1000}, "takes 2560 Hz and not 1000"),
        ({"more": f'{GROUP}\nprotocol = "lines"'}, "its protocol has none"),
    ],
)
def test_what_cannot_be_known_of_a_sensor(tmp_path: Path, other: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config(tmp_path, **other)
    assert said in str(raised.value)


def test_a_rule_made_by_a_program_is_checked_as_well() -> None:
    with pytest.raises(ValueError, match="must be finite"):
        TrendRule(above=math.inf)
    assert TrendSettings(level=TrendRule(above=1.0)).kinds == {AlarmKind.LEVEL}
