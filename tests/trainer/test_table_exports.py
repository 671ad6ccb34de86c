"""Tables as programs and instruments export them: read at the right rate, or refused with the right words."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.tables.judge import parsed
from tests.trainer.builders import noise, row
from trainer.core.errors import RecordingError
from trainer.formats import Hints, Refusal
from trainer.recordings.listing import ListRow

COUNT = 300
VALUES = noise(COUNT, 3)
FILE = row(Path("a.csv"), channels=("x",), rate_hz=None)


def lines(head: str, write: Callable[[int, float], str]) -> str:
    return head + "".join(f"{write(at, VALUES[at, 0])}\n" for at in range(COUNT))


def comma(text: str) -> str:
    return text.replace(".", ",")


READ: dict[str, tuple[str, ListRow, float]] = {
    "PicoScope": (
        lines("Time,Channel A\n(ms),(mV)\n\n", lambda at, value: f"{at * 0.05:.8f},{value:.8f}"),
        replace(FILE, signals=("Channel A",), unit="mV"),
        20000,
    ),
    "LabVIEW": (
        lines(
            "LabVIEW Measurement\t\nDecimal_Separator\t,\nDate\t2026/11/26\n***End_of_Header***\t\n\t\n"
            "Delta_X\t0,000039\n***End_of_Header***\t\t\nX_Value\tVib\tComment\n",
            lambda at, value: comma(f"{at / 25600:.6f}\t{value:.6f}"),
        ),
        replace(FILE, signals=("Vib",), rate_hz=25600.0),
        25600,
    ),
    "LabVIEW without a column of time": (
        lines(
            "LabVIEW Measurement\t\nX_Columns\tNo\n***End_of_Header***\t\n\t\nChannels\t1\t\n"
            "Y_Unit_Label\tg\t\nX_Dimension\tTime\t\nDelta_X\t3.906250E-5\t\n"
            "***End_of_Header***\t\t\nX_Value\tx\tComment\n",
            lambda _, value: f"\t{value:.6f}",
        ),
        replace(FILE, unit=""),
        25600,
    ),
    "FEMTO's bearings": (
        lines("", lambda at, value: f"9,39,{39 + at // 200},{5000 * (at % 200):.5g},{value:.3f}"),
        FILE,
        200,
    ),
    "XJTU's bearings": (
        lines(
            "Horizontal_vibration_signals,Vertical_vibration_signals\n",
            lambda at, value: f"{value:.6f},{VALUES[at, 1]:.6f}",
        ),
        replace(FILE, channels=("Horizontal", "Vertical"), rate_hz=25600.0),
        25600,
    ),
    "Physics Toolbox": (
        lines("time;gFx;gFy;gFz;TgF\n", lambda at, value: comma(f"{at / 100:.3f};{value:.4f};0.1;0.2;1.1")),
        FILE,
        100,
    ),
    "Sensor Logger": (
        lines(
            "time,seconds_elapsed,z,y,x\n",
            lambda at, value: f"{1764150000123456000 + at * 10**7},{at / 100:.3f},9.8,0.1,{value:.5f}",
        ),
        FILE,
        100,
    ),
    "phyphox": (
        lines(
            '"Time (s)";"Acceleration x (m/s^2)"\n',
            lambda at, value: comma(f"{at / 100:.9E};{value:.9E}"),
        ),
        replace(FILE, unit="m/s2"),
        100,
    ),
    "a phone's nanoseconds since 1970": (
        lines("time,z,x\n", lambda at, value: f"{1764150000123456000 + at * 10**7},9.81,{value:.6f}"),
        FILE,
        100,
    ),
    "microseconds since a board was switched on": (
        lines("micros,x\n", lambda at, value: f"{1500000000 + at * 625},{value:.3f}"),
        FILE,
        1600,
    ),
    "an oscilloscope with numbers in its units": (
        lines(
            "X,CH1,Start,Increment,\nSequence,Volt,-6.0e-03,4.0e-05,\n",
            lambda at, value: f"{at},{value:.3e},,",
        ),
        replace(FILE, signals=("CH1",), unit="V", rate_hz=25000.0),
        25000,
    ),
    "columns numbered by pandas": (
        lines(",0,1\n", lambda at, value: f"{at},{float(value)!r},0.5"),
        replace(FILE, signals=("2",), rate_hz=1000.0),
        1000,
    ),
    "columns apart by blanks": (
        lines("", lambda at, value: f"  {value:.18e}   0.5"),
        replace(FILE, signals=("1",), rate_hz=1000.0),
        1000,
    ),
    "date and time apart": (
        lines(
            "Date;Time;x\n",
            lambda at, value: f"26/11/2026;10:17:{at // 50:02d}.{20 * (at % 50):03d};{value:.3f}",
        ),
        FILE,
        50,
    ),
    "a spreadsheet's empty last lines": (
        lines("x;y\n", lambda _, value: f"{value:.3f};1.5") + ";\n;\n\n",
        replace(FILE, rate_hz=100.0),
        100,
    ),
}
REFUSED: dict[str, tuple[str, ListRow, str]] = {
    "microseconds that nothing says": (
        lines("", lambda at, value: f"{1500000000 + at * 625},{value:.3f}"),
        FILE,
        r"0\.0016 Hz if in s or 1\.6 Hz if in ms or 1600 Hz if in us",
    ),
    "a board's axes, in units that nothing says": (
        lines("time,ax,ay,az\n", lambda at, value: f"{at / 100:.2f},{value:.3f},0.1,0.2"),
        replace(FILE, signals=("ax",)),
        "does not say its unit",
    ),
    "nanoseconds of a phone's uptime": (
        lines("t,x\n", lambda at, value: f"{1700000000000000 + at * 10**7},{value:.3f}"),
        FILE,
        "does not say its unit",
    ),
    "decimal commas between commas": (
        lines("t,x\n", lambda at, value: f"{comma(f'{at / 100:.2f}')},{comma(f'{value:.3f}')}"),
        replace(FILE, rate_hz=100.0),
        "a comma may separate values or begin their decimals",
    ),
    "a date, and decimal commas between commas": (
        lines("Datum,x\n", lambda _, value: f"26.11.2026 10:00:00,{comma(f'{value:.3f}')}"),
        replace(FILE, rate_hz=100.0),
        "a comma may separate values or begin their decimals",
    ),
    "thousands that are grouped": (
        lines("x;y\n", lambda _, value: f"{round(900 * value):,};1".replace(",", ".")),
        replace(FILE, rate_hz=100.0),
        "may group thousands or begin decimals",
    ),
    "thousands apart by blanks": (
        lines("t;x\n", lambda at, value: f"{at};{comma(f'{2000 * value:,.2f}'.replace(',', ' '))}"),
        replace(FILE, rate_hz=100.0),
        "holds no lines of numbers|not a number",
    ),
    "columns of two units": (
        lines("x [g],temp [°C]\n", lambda at, value: f"{value:.3f},{20 + at % 7 / 10:.1f}"),
        replace(FILE, rate_hz=100.0, channels=()),
        "values are in degC, g",
    ),
    "a name that only ends like a channel": (
        lines("peak,index,crest\n", lambda _, value: f"{value:.3f},{value**2:.4f},{value**3:.4f}"),
        replace(FILE, rate_hz=100.0),
        "has 3 columns for the 1 channels",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_what_programs_export_is_read(name: str) -> None:
    text, asked, rate_hz = READ[name]
    (found,) = parsed(text.encode(), asked)
    assert (found.rate_hz, len(found.stored)) == (rate_hz, COUNT)
    np.testing.assert_allclose(found.samples[:, 0], VALUES[:, 0], atol=1e-3)


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_be_read_in_two_ways_is_refused(name: str) -> None:
    text, asked, why = REFUSED[name]
    with pytest.raises((Refusal, RecordingError), match=why):
        parsed(text.encode(), asked)


def test_what_the_list_says_settles_a_comma() -> None:
    text = "".join(f"{value:.3f}\n" for value in VALUES[:, 0]).replace(".", ",")
    asked = replace(FILE, rate_hz=100.0)
    with pytest.raises(Refusal, match="a comma may separate"):
        parsed(text.encode(), asked)
    (found,) = parsed(text.encode(), replace(asked, hints=Hints(separator="semicolon", decimal="comma")))
    np.testing.assert_allclose(found.samples[:, 0], VALUES[:, 0], atol=1e-3)
