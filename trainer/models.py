"""A folder of ready models, each with a card that says what it is good for and what not."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from edge_runtime import scorer
from edge_runtime.artefact import Manifest
from trainer import pipeline
from trainer.detector import Progress
from trainer.detectors import REGISTRY
from trainer.evaluate import Evaluation, evaluate
from trainer.listing import NORMAL
from trainer.pipeline import Order
from trainer.recordings import Recording

LIMITS: Final = (
    "It has learnt one machine on one rig: its threshold and its idea of normal belong to that machine, "
    "that sensor, that mounting and the conditions named above. On any other machine, fit a model of its "
    "own. Figures on what it learnt from flatter it; those on a condition left out are in docs/detectors.md."
)


def unsupervised() -> list[str]:
    """Every detector that learns from normal vibration alone."""
    return [name for name, kind in REGISTRY.items() if not kind.supervised]


def make(
    recordings: tuple[Recording, ...], orders: Sequence[Order], folder: Path, progress: Progress
) -> list[Path]:
    """Fit each order on the normal recordings, judge it on all, write file and card."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, order in enumerate(orders):
        progress(number / len(orders), order.detector)
        path = folder / f"{order.detector}.onnx"
        manifest = pipeline.write(pipeline.fit(recordings, order), order, path)
        found = evaluate(scorer.load(path), recordings)
        (folder / f"{order.detector}.md").write_text(
            card(manifest, found, recordings, path), encoding="utf-8"
        )
        made.append(path)
    return made


def card(manifest: Manifest, found: Evaluation, recordings: Sequence[Recording], path: Path) -> str:
    """Write the model card, Markdown."""
    normal = [item for item in recordings if item.label == NORMAL]
    sections = {
        "Data": _data(manifest, normal),
        "Conditions": _listed(f"{item.condition}: {item.name}, {item.duration_s:.1f} s" for item in normal),
        "Threshold": [f"{manifest.threshold:.7g}", "", manifest.calibration.statement + "."],
        "Figures": _figures(found),
        "Limits": [LIMITS],
        "Notes": _listed(f"{name}: {text}" for name, text in manifest.notes.items()),
    }
    head = [f"# {manifest.name}", "", REGISTRY[manifest.detector].summary + ".", ""]
    head += [
        f"{manifest.detector} version {manifest.detector_version}, {path.stat().st_size} bytes, ONNX opset"
    ]
    head[-1] += f" {manifest.opset}, made {manifest.created} by {manifest.producer}."
    body = [line for title, lines in sections.items() for line in ("", f"## {title}", "", *lines)]
    return "\n".join([*head, *body]) + "\n"


def _data(manifest: Manifest, normal: Sequence[Recording]) -> list[str]:
    seconds = sum(item.duration_s for item in normal)
    band = f"below {manifest.lowpass_hz:g} Hz" if manifest.lowpass_hz else "band not limited"
    return [
        f"{seconds:.1f} s of normal vibration in {len(normal)} recordings, channels "
        f"{', '.join(manifest.channels)} in {manifest.unit}, {manifest.rate_hz:g} Hz, {band}; windows of "
        f"{manifest.samples} samples every {manifest.hop}. SHA-256 of the windows: `{manifest.data_digest}`.",
    ]


def _figures(found: Evaluation) -> list[str]:
    windows, alarms = found.by_window, found.by_alarm
    return [
        f"On all {len(found.by_recording)} recordings, those it learnt from among them:",
        "",
        f"- AUROC {windows.auroc:.4f}; false alarms {windows.false_alarm_rate:.2%}, missed "
        f"{windows.missed_rate:.2%} of windows",
        f"- alarms on {alarms.caught} of {alarms.faulty} faulty recordings",
        f"- {alarms.false_alarms} alarms on normal ones",
    ]


def _listed(items: Iterable[str]) -> list[str]:
    return [f"- {item}" for item in items]
