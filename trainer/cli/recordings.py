"""`trainer recordings`: lists, a look at a file, and recordings for the edge."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from trainer.cli import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.recordings import Glance

app = typer.Typer(help="Recordings lists, and recordings for the edge.", no_args_is_help=True)
ListFile = Annotated[Path, typer.Argument(metavar="LIST.csv", help="A recordings list.")]
_BARS: Final = " \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
"""Eighths of a character, by which an outline shows how wide the signal is."""


@app.command("cwru")
def cwru(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of .mat files.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="LIST.csv", help="Where to write it.")],
) -> None:
    """Write the recordings list of a folder of CWRU bearing recordings."""
    from trainer.recordings import cwru_list, write_list

    rows = cwru_list(folder)
    write_list(rows, output)
    terminal.say(f"{output}: {len(rows)} recordings, {sum(row.normal for row in rows)} normal")


@app.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder, with those in it.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="LIST.csv", help="Where to write it.")],
) -> None:
    """Write the recordings list of a folder, by the names of folders and files."""
    from trainer.recordings import list_folder, write_list

    rows = list_folder(folder)
    write_list(rows, output)
    terminal.say(f"{output}: {len(rows)} recordings, {sum(row.normal for row in rows)} normal")
    for (label, condition), count in sorted(Counter((row.label, row.condition) for row in rows).items()):
        terminal.say(f"  {count} x {label or '(no label)'}, {condition}")
    open_ = [name for name in ("label", "channels", "unit") if any(not getattr(row, name) for row in rows)]
    if open_:
        terminal.note(f"Nothing says {', '.join(open_)} of some: write them into the list before you fit")


@app.command("look")
def look(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")],
    *,
    signal: Annotated[list[str] | None, typer.Option(help="A column or variable; all, if left out.")] = None,
    rate_hz: Annotated[float | None, typer.Option(help="What the list would say.")] = None,
    separator: Annotated[str, typer.Option(help="comma, semicolon, tab, bar or blank.")] = "",
    decimal: Annotated[str, typer.Option(help="point or comma.")] = "",
    skip_lines: Annotated[int, typer.Option(min=0, help="Lines at the top that are passed over.")] = 0,
    time: Annotated[str, typer.Option(help="The time column, or none.")] = "",
    time_unit: Annotated[str, typer.Option(help="s, ms, us or ns.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show how a file is understood: layout, rate, unit, level, first rows, and a picture."""
    from trainer.core import ChoiceError
    from trainer.formats import DECIMALS, SEPARATORS, TIME_UNITS, Hints
    from trainer.recordings import glance_at

    for word, known in ((separator, SEPARATORS), (decimal, DECIMALS), (time_unit, TIME_UNITS)):
        if word and word not in known:
            raise ChoiceError(f"there is no {word!r}", remedy=f"Write one of {', '.join(known)}")
    hints = Hints(rate_hz, separator, decimal, skip_lines, time, time_unit)
    found = glance_at(file, tuple(signal or ()), hints)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2, allow_nan=False))
        return
    terminal.say(*_lines(found))


@app.command("convert")
def convert(
    listing: Annotated[Path, typer.Argument(metavar="LIST.csv", help="A recordings list, or a recording.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write them.")],
    *,
    unit: Annotated[str, typer.Option(help="Of one recording, where the file does not say it.")] = "",
    rate_hz: Annotated[float | None, typer.Option(min=0, help="Of one recording, likewise.")] = None,
) -> None:
    """Write recordings of a list, or one, as .npz: the edge replays them without the trainer's libraries."""
    from trainer.recordings import convert_recordings

    with terminal.progress(f"convert {listing.name}") as progress:
        for path, recording in convert_recordings(listing, output, progress, unit=unit, rate_hz=rate_hz):
            terminal.say(f"{path}: {recording.duration_s:.1f} s, {recording.label}, {recording.condition}")


def _lines(found: "Glance") -> "Iterator[str]":
    rate = f"{found.rate_hz:g} Hz" if found.rate_hz else "no rate stated: write rate_hz into the list"
    length = f", {found.rows / found.rate_hz:.4g} s" if found.rate_hz else ""
    yield f"{found.file}: {found.rows} readings{length}, {rate}, {found.unit or 'no unit stated'}"
    for note in found.notes:
        yield f"  {note}"
    if found.starts:
        yield f"  it is read as {len(found.starts) + 1} recordings"
    width = max((len(channel.name) for channel in found.channels), default=0)
    for row in found.first_rows:
        yield "  " + "  ".join(f"{value:>12.6g}" for value in row)
    for channel in found.channels:
        level = f"mean {channel.mean:.4g}, rms {channel.rms:.4g}, peak {channel.peak:.4g}"
        yield f"  {channel.name:<{width}} {level}"
        widths = [high - low for low, high in channel.outline]
        largest = max(widths) or 1.0
        picture = "".join(_BARS[round((len(_BARS) - 1) * each / largest)] for each in widths)
        yield f"  {'':<{width}} |{picture}|"
