"""Random tables: `draw` makes one with what it holds and in which way it is written."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

RATES: Final = (100, 200, 400, 500, 800, 1000, 1600, 2000, 3200, 4000, 6400, 8000, 12000, 12800, 20000, 25600)
TIMES: Final = (
    "",
    "",
    "s",
    "s",
    "ms",
    "us",
    "ns",
    "epoch s",
    "epoch ms",
    "epoch us",
    "epoch ns",
    "iso",
    "date time",
    "time of day",
    "date and time",
)
SCALES: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
NAMES: Final = {
    "s": ("t", "Time", "Zeit", "time_s", "elapsed"),
    "ms": ("time_ms", "millis", "Time", "t_ms", "timestamp"),
    "us": ("micros", "time_us", "Time", "timestamp"),
    "ns": ("time_ns", "Time", "timestamp"),
}
AXES: Final = (
    ("x", "y", "z"),
    ("accX", "accY", "accZ"),
    ("Vibration 1", "Vibration 2", "Vibration 3"),
    ("Accel x", "Accel y", "Accel z"),
    ("ch0", "ch1", "ch2"),
    ("DE", "FE", "BA"),
    ("ax", "ay", "az"),
)
UNITS: Final = {"g": ("g", "G"), "m/s2": ("m/s^2", "m/s²", "m/s2"), "mm/s": ("mm/s",), "V": ("V",)}
SWITCHED_ON: Final = (0.0, 0.0, 12.5, 1700.0, 1.7e6)
"""Seconds before the recording: after half an hour microseconds are as large as seconds since 1970."""
START: Final = datetime(2026, 3, 5, 10, 17, 23, 250000, UTC)


@dataclass(slots=True)
class Table:
    """A table, its content, and what its list line says."""

    values: np.ndarray
    """[rows, channels]."""
    rate_hz: float
    names: tuple[str, ...]
    unit: str
    starts: tuple[int, ...]
    """Rows before which samples are missing."""
    separator: str = ","
    decimal: str = "."
    quoted: bool = False
    trailing: bool = False
    encoding: str = "utf-8"
    newline: str = "\n"
    header: str = "names"
    """`none`, `names`, `units` (in brackets) or `row` (of units)."""
    preamble: list[str] = field(default_factory=list)
    said_hz: float | None = None
    """In the preamble."""
    time: str = ""
    time_named: bool = False
    """Whether the time column's unit is stated."""
    time_name: str = "t"
    coarse: bool = False
    extra: tuple[str, ...] = ()
    digits: str = "%.5f"
    grouped: bool = False
    """Whether thousands are parted, by the sign that is decimal elsewhere in the table."""
    second_clock: bool = False
    listed_hz: float | None = None
    listed_unit: str = "g"
    wanted: str = "names"
    """How the list asks for channels: `names`, `signals`, `numbers` or `order`."""
    order: tuple[str, ...] = ()
    """Names of all columns as they stand."""
    text: bytes = b""


def draw(seed: int) -> Table:
    """Draw a table; the same seed, the same one."""
    dice = random.Random(seed)
    channels, rate_hz = dice.randint(1, 3), float(dice.choice(RATES))
    names, unit = dice.choice(AXES)[:channels], dice.choice(("g", "g", "m/s2", "mm/s", "V"))
    rows = dice.choice((150, 400, 1500, 3000))
    starts = (dice.randrange(70, rows - 70),) if dice.random() < 0.25 else ()
    table = Table(_signal(seed, rows, channels, rate_hz), rate_hz, names, unit, starts)
    _draw_signs(table, dice)
    _draw_header(table, dice)
    _draw_time(table, dice)
    _draw_list(table, dice)
    # Stamps that are coarser than the samples cannot show the loss of a few.
    lost = dice.choice((10, 1000) if table.coarse else (1, 3, 10, 1000)) if table.starts else 0
    table.text = _written(table, dice, lost)
    return table


def _signal(seed: int, rows: int, channels: int, rate_hz: float) -> np.ndarray:
    noise = np.random.default_rng(seed)
    seconds = np.arange(rows)[:, np.newaxis] / rate_hz
    tone = np.sin(2 * np.pi * 0.061 * rate_hz * seconds + np.arange(channels))
    return noise.standard_normal((rows, channels)) + tone + np.arange(channels) * 0.3


def _draw_signs(table: Table, dice: random.Random) -> None:
    table.separator = dice.choice((",", ",", ";", ";", "\t", "\t", "|", " ", "   "))
    table.quoted = dice.random() < 0.12 and table.separator.strip() != ""
    commas = table.separator != "," or table.quoted
    table.decimal = dice.choice((".", ",")) if commas else "."
    table.trailing = dice.random() < 0.12 and table.separator.strip() != ""
    table.encoding = dice.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"))
    table.newline = dice.choice(("\n", "\r\n"))
    table.digits = dice.choice(("%.3f", "%.5f", "%.6f", "%.7g", "%.6e", "%d"))
    if table.digits == "%d":
        table.values = np.round(table.values * 700)
        table.grouped = table.separator not in (",", " ", "   ") and dice.random() < 0.3


def _draw_header(table: Table, dice: random.Random) -> None:
    table.header = dice.choice(("none", "names", "names", "units", "row"))
    blanks = table.separator.strip() == ""
    if blanks and table.header != "none" and any(" " in name for name in table.names):
        table.names = tuple(name.replace(" ", "_") for name in table.names)
    lines = [
        "Logger X v2.1",
        "Serial Number: 4711",
        "Operator; Smith, J.",
        "Start 17:16:00",
        "",
        "# notes: none",
    ]
    table.preamble = dice.sample(lines, dice.randint(1, 5)) if dice.random() < 0.35 else []
    if dice.random() < 0.2:
        table.said_hz = table.rate_hz
        form = dice.choice(
            ("Sample rate: {:g} Hz", "# data_rate = {:.1f} Hz", "Sampling frequency (Hz): {:g}")
        )
        table.preamble.append(form.format(table.rate_hz))
    kinds = ("index", "label", "state", "temperature")
    table.extra = tuple(dice.sample(kinds, dice.randint(1, 2))) if dice.random() < 0.3 else ()
    if table.header == "none":
        table.extra = tuple(kind for kind in table.extra if kind != "temperature")


def _draw_time(table: Table, dice: random.Random) -> None:
    table.time = dice.choice(TIMES)
    blanks = table.separator.strip() == ""
    if blanks and table.time == "date time":
        table.time = "iso"
    unit = table.time.rpartition(" ")[2]
    if unit in SCALES:
        table.time_name = dice.choice(NAMES[unit]) if "epoch" not in table.time else "timestamp"
        table.time_named = (
            table.header in ("units", "row")
            or unit in table.time_name.split("_")
            or table.time_name in ("millis", "micros")
        )
        table.time_named &= table.header != "none"
        table.coarse = unit == "ms" and table.rate_hz <= 3200 and dice.random() < 0.4
    else:
        table.time_name = dice.choice(("Timestamp", "Zeit", "date"))
    table.second_clock = table.time == "s" and table.header in ("units", "row") and dice.random() < 0.15
    if not table.time:
        table.starts = ()


def _draw_list(table: Table, dice: random.Random) -> None:
    table.listed_hz = dice.choice(
        (
            None,
            None,
            table.rate_hz,
            table.rate_hz,
            table.rate_hz,
            table.rate_hz * dice.choice((1.01, 0.99, 1000, 1e-3, 2)),
        )
    )
    table.listed_unit = table.unit if dice.random() < 0.9 else dice.choice(sorted(UNITS))
    ways = ["names", "signals"] if table.header != "none" else ["order"]
    if table.header != "none" and not table.extra and not table.second_clock:
        ways.append("order")
    table.wanted = dice.choice([*ways, "numbers"])


def _written(table: Table, dice: random.Random, lost: int) -> bytes:
    columns = _columns(table, lost, dice)
    if dice.random() < 0.3 and table.header != "none":
        dice.shuffle(columns)
    lines = list(table.preamble)
    names, units = [name for name, _, _ in columns], [unit for _, unit, _ in columns]
    if table.header == "units":
        form = dice.choice(("{} [{}]", "{} ({})"))
        joint = form.replace(" ", "") if table.separator.strip() == "" else form
        names = [joint.format(name, unit) if unit else name for name, unit in zip(names, units, strict=True)]
    end = table.separator if table.trailing else ""
    if table.header != "none":
        lines.append(table.separator.join(names) + end)
    if table.header == "row" and any(units):
        blank = "-" if table.separator.strip() == "" else ""
        lines.append(table.separator.join(f"({unit})" if unit else blank for unit in units) + end)
    cells = [[f'"{cell}"' if table.quoted else cell for cell in column] for _, _, column in columns]
    lines += [table.separator.join(row) + end for row in zip(*cells, strict=True)]
    table.order = tuple(name for name, _, _ in columns)
    return (table.newline.join(lines) + table.newline).encode(table.encoding, errors="replace")


def _columns(table: Table, lost: int, dice: random.Random) -> list[tuple[str, str, list[str]]]:
    """Name, unit and cells of each column, time first."""
    rows = len(table.values)
    places = (
        np.arange(rows) + np.where(np.arange(rows) >= table.starts[0], lost, 0)
        if table.starts
        else np.arange(rows)
    )
    seconds = places / table.rate_hz
    columns = _clock(table, seconds, dice)
    if table.second_clock:
        columns.append(("time2", "s", _numbers(np.arange(rows) * 3.7 / table.rate_hz, "%.7f", table.decimal)))
    spelling = dice.choice(UNITS[table.unit])
    if table.encoding not in ("cp1252", "utf-8", "utf-8-sig", "utf-16"):
        spelling = table.unit
    for name, column in zip(table.names, table.values.T, strict=True):
        columns.append((name, spelling, _values(column, table)))
    extra = {
        "index": ("idx", "", [str(place) for place in range(rows)]),
        "label": ("label", "", ["run"] * rows),
        "state": ("state", "", ["ok" if place % 97 else "start" for place in range(rows)]),
        "temperature": ("temp", "°C", _numbers(21 + np.sin(np.arange(rows) / 50), "%.2f", table.decimal)),
    }
    return columns + [extra[kind] for kind in table.extra]


def _values(column: np.ndarray, table: Table) -> list[str]:
    if table.grouped:
        return [f"{value:,.0f}".replace(",", table.decimal) for value in column]
    return _numbers(column, table.digits, table.decimal)


def _numbers(column: np.ndarray, digits: str, decimal: str) -> list[str]:
    return [(digits % value).replace(".", decimal) for value in column]


def _clock(table: Table, seconds: np.ndarray, dice: random.Random) -> list[tuple[str, str, list[str]]]:
    if not table.time:
        return []
    unit = table.time.rpartition(" ")[2]
    stamped = [START + timedelta(seconds=float(second)) for second in seconds]
    if unit in SCALES:
        jitter = dice.choice((0.0, 0.0, 0.02, 0.1)) / table.rate_hz
        noise = np.random.default_rng(len(seconds)).uniform(-1, 1, len(seconds)) * (
            jitter if not table.coarse else 0
        )
        origin = START.timestamp() if "epoch" in table.time else dice.choice(SWITCHED_ON)
        return [
            (table.time_name, unit if table.time_named else "", _stamps(table, seconds + noise, origin, unit))
        ]
    days = [
        stamp.strftime(dice_form)
        for dice_form in [dice.choice(("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y"))]
        for stamp in stamped
    ]
    clock = [
        stamp.strftime("%H:%M:%S.%f").replace(".", table.decimal if table.separator != "," else ".")
        for stamp in stamped
    ]
    if table.time == "time of day":
        return [(table.time_name, "", clock)]
    if table.time == "date and time":
        return [("Date", "", days), ("Time", "", clock)]
    if table.time == "iso":
        return [(table.time_name, "", [stamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for stamp in stamped])]
    return [(table.time_name, "", [f"{day} {time}" for day, time in zip(days, clock, strict=True)])]


def _stamps(table: Table, seconds: np.ndarray, origin: float, unit: str) -> list[str]:
    """Numbers of a clock: whole ones in us, ns and epochs of them, decimals enough for the rate otherwise."""
    scale = SCALES[unit]
    if unit in ("us", "ns") or table.coarse:
        whole = round(origin / scale)
        return [str(whole + round(second / scale)) for second in seconds]
    decimals = 7 if unit == "s" else 4
    if "epoch" in table.time:  # more digits than float64 has are cut by whoever writes them
        decimals = 6 if unit == "s" else 3
        whole = int(origin)
        rest = [(origin - whole + second) for second in seconds]
        return [f"{(whole + each) / scale:.{decimals}f}".replace(".", table.decimal) for each in rest]
    return _numbers((origin + seconds) / scale, f"%.{decimals}f", table.decimal)
