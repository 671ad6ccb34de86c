"""Model cards of ready models, and the page over all models of a folder.

The page is made from `figures.json`, which holds the figures of every file since it was made, so that files
which a later run does not make again stay on the page.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

from edge_runtime.core import Manifest, printable
from trainer.core import write_text
from trainer.detectors import REGISTRY
from trainer.evaluation import Evaluation, Int8Cost
from trainer.recordings import NORMAL, Recording

CardFigures = dict[str, Any]
"""What the page says of one file, as plain values for JSON."""
ModelFigures = dict[str, CardFigures]
"""Those of all files, by the name of the file."""

FILE: Final = "figures.json"
LARGE_BYTES: Final = 2_000_000
"""The page gives the reason for larger files: the most that a detector may need without saying so."""
LIMITS: Final = (
    "It has learnt one machine on one rig: its threshold and its idea of normal belong to that machine, "
    "that sensor, that mounting and the conditions named above. On any other machine, fit a model of its "
    "own. Figures on what it learnt from flatter it; those on a condition left out are in docs/detectors.md."
)
_TEXT: Final = 20_000
"""Characters of one text of a card: a statement on a hundred conditions."""
_MARKUP: Final = re.compile(r"[\\`*<>\[\]|~&$!]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
"""What Markdown or HTML may take for markup anywhere in a line; `_` within a word is no emphasis."""
_BEGINNING: Final = re.compile(r"^(\s*\d*)([-+#=.)])(?=[-+#=.\s]|$)")
"""What begins a heading, a list or a rule at the beginning of a line."""
_INTRODUCTION: Final = """# Ready models

One calibrated file for each detector below. `trainer models` writes them, this page and the cards; the same
seed gives the same scores. Beside each file lies its card: data, conditions, threshold and what supports it,
figures, limits.

**They belong to one machine on one rig.** Use them to try the edge
(`edge-runtime replay RECORDING --model NAME.onnx`) and to see what a file looks like
(`trainer inspect NAME.onnx`), not to watch a machine of yours: for that, `trainer fit` on its own normal
vibration. Figures are on all recordings of the list, those learnt from among them, and flatter; on conditions
never seen: `trainer compare`.
"""
_INT8: Final = """
## Weights as 8-bit integers

`trainer models --int8` prints this table and writes a variant only where it costs less than 0.01 of AUROC,
raises an alarm on the same recordings and judges at most 0.1 % of windows otherwise. Weights are rounded
before calibration: threshold and golden windows are the variant's own. Ratios are to the file with weights
of four bytes, both timed in turns in one run.

| variant of | size | time a window | AUROC lost | windows judged otherwise | written |
|---|---|---|---|---|---|
"""


def card(manifest: Manifest, found: Evaluation, recordings: Sequence[Recording], path: Path) -> str:
    """Return the model card, Markdown. `path` is the model's file, `recordings` are those evaluated."""
    windows, alarms = found.by_window, found.by_alarm
    normal = [item for item in recordings if item.label == NORMAL]
    sections = {
        "Data": [f"{data(manifest, normal)} SHA-256 of the windows: `{manifest.data_digest}`."],
        "Conditions": _listed(
            markdown_text(f"{item.condition}: {item.name}, {item.duration_s:.1f} s") for item in normal
        ),
        "Threshold": [f"{manifest.threshold:.7g}", "", markdown_text(manifest.calibration.statement) + "."],
        "What it would hear": [
            markdown_text(manifest.power["statement"]) + "." if manifest.power else "Not measured."
        ],
        "Figures": [
            f"On all {len(found.by_recording)} recordings, those it learnt from among them:",
            "",
            f"- AUROC {windows.auroc:.4f}; false alarms {windows.false_alarm_rate:.2%}, missed "
            f"{windows.missed_rate:.2%} of windows",
            f"- alarms on {alarms.caught} of {alarms.faulty} faulty recordings",
            f"- {alarms.false_alarms} alarms on normal ones",
        ],
        "Limits": [LIMITS],
        "Notes": _listed(markdown_text(f"{name}: {text}") for name, text in manifest.notes.items()),
    }
    head = [f"# {markdown_text(manifest.name)}", "", REGISTRY[manifest.detector].summary + ".", ""]
    head += [
        f"{manifest.detector} version {manifest.detector_version}, {path.stat().st_size} bytes, ONNX opset"
    ]
    created, producer = markdown_text(manifest.created), markdown_text(manifest.producer)
    head[-1] += f" {manifest.opset}, made {created} by {producer}."
    body = [line for title, lines in sections.items() for line in ("", f"## {title}", "", *lines)]
    return "\n".join([*head, *body]) + "\n"


def data(manifest: Manifest, normal: Sequence[Recording]) -> str:
    """Return a sentence on the recordings that were fitted on."""
    seconds = sum(item.duration_s for item in normal)
    band = f"below {manifest.lowpass_hz:g} Hz" if manifest.lowpass_hz else "band not limited"
    return (
        f"{seconds:.1f} s of normal vibration in {len(normal)} recordings, channels "
        f"{markdown_text(', '.join(manifest.channels))} in {markdown_text(manifest.unit)}, "
        f"{manifest.rate_hz:g} Hz, {band}; windows of {manifest.samples} samples every {manifest.hop}."
    )


def entry(manifest: Manifest, found: Evaluation, recordings: Sequence[Recording], path: Path) -> CardFigures:
    """Return what the page says of one file."""
    constants = onnx.load(path, load_external_data=False).graph.initializer
    windows, alarms = found.by_window, found.by_alarm
    rates = (windows.auroc, windows.false_alarm_rate, windows.missed_rate)
    auroc, false_alarm_rate, missed_rate = (rate if np.isfinite(rate) else None for rate in rates)
    return {
        "bytes": path.stat().st_size,
        "weights": int(sum(np.prod(tensor.dims, dtype=np.int64) for tensor in constants)),
        "auroc": auroc,
        "false_alarm_rate": false_alarm_rate,
        "missed_rate": missed_rate,
        "caught": f"{alarms.caught} of {alarms.faulty}",
        "false_alarms": alarms.false_alarms,
        "data": data(manifest, [item for item in recordings if item.label == NORMAL]),
    }


def int8_entry(cost: Int8Cost) -> CardFigures:
    """Return what the page says of a variant with 8-bit weights."""
    return {
        "size_ratio": cost.size_ratio,
        "latency_ratio": cost.latency_ratio,
        "auroc_loss": cost.auroc_loss if np.isfinite(cost.auroc_loss) else None,
        "otherwise": cost.otherwise,
        "refusal": cost.refusal,
    }


def read(folder: Path) -> ModelFigures:
    """Read the figures of earlier runs, of files that still exist."""
    path = folder / FILE
    if not path.exists():
        return {}
    kept: ModelFigures = json.loads(path.read_text(encoding="utf-8"))
    return {name: body for name, body in kept.items() if (folder / f"{name}.onnx").exists()}


def write(folder: Path, figures: ModelFigures, expected: Sequence[str]) -> None:
    """Write figures and page; `expected` are the detectors that should be on the page."""
    ordered = {name: figures[name] for name in sorted(figures)}
    write_text(folder / FILE, json.dumps(ordered, indent=2, allow_nan=False) + "\n")
    write_text(folder / "README.md", page(ordered, expected))


def page(figures: ModelFigures, expected: Sequence[str]) -> str:
    """Return the page over all files, Markdown."""
    origins: dict[str, list[str]] = {}
    for name, body in figures.items():
        origins.setdefault(body["data"], []).append(name)
    learnt = [f"{text} That is what {_named(names)} learnt from." for text, names in origins.items()]
    missing = [name for name in expected if name not in figures]
    remarks = [f"Not made yet: {_named(missing)}."] if missing else []
    remarks += [
        f"`{name}` is over 2 MB because it has {body['weights'] / 1e6:.1f} million weights of four bytes."
        for name, body in figures.items()
        if body["bytes"] > LARGE_BYTES
    ]
    rows = [
        f"| `{name}` | {body['bytes'] / 1000:.0f} | {_rate(body['auroc'], 4)} "
        f"| {_rate(body['false_alarm_rate'], 4)} | {_rate(body['missed_rate'], 4)} "
        f"| {body['caught']} | {body['false_alarms']} |"
        for name, body in figures.items()
    ]
    head = "| file | KB | AUROC | false alarms | missed | faults found | alarms on normal |\n" + "|---" * 7
    parts = [_INTRODUCTION, *(f"{text}\n" for text in learnt), "\n".join([f"{head}|", *rows]) + "\n"]
    return "\n".join([*parts, *(f"{text}\n" for text in remarks)]) + int8_table(figures)


def int8_table(figures: ModelFigures) -> str:
    """Return the table of variants with 8-bit weights, Markdown; empty where none was tried."""
    tried = {name: body["int8"] for name, body in figures.items() if "int8" in body}
    rows = [
        f"| `{name}` | {of['size_ratio']:.2f} | {of['latency_ratio']:.2f} | {_rate(of['auroc_loss'], 5)} "
        f"| {of['otherwise']:.2%} | {'no: ' + of['refusal'] if of['refusal'] else 'yes'} |"
        for name, of in tried.items()
    ]
    return _INT8 + "\n".join(rows) + "\n" if rows else ""


def markdown_text(text: str) -> str:
    """Foreign text for Markdown, in which nothing is markup; text without its characters stays as it is."""
    escaped = _MARKUP.sub(r"\\\g<0>", printable(text, _TEXT))
    return _BEGINNING.sub(r"\g<1>\\\g<2>", escaped)


def _rate(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _listed(items: Iterable[str]) -> list[str]:
    return [f"- {item}" for item in items]
