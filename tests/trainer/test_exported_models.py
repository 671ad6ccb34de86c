"""The committed models: each opens at the edge, its card says what its manifest says, it hears a fault."""

import re
from typing import Any

import pytest

from edge_runtime.models import scorer
from tests.shared import ROOT
from tests.trainer.sample import sample
from trainer.detectors import REGISTRY
from trainer.evaluation.metrics import evaluate
from trainer.fleet.ready_models import cards
from trainer.fleet.ready_models.make import INT8, unsupervised

FOLDER = ROOT / "exported_models"
FILES = sorted(FOLDER.glob("*.onnx"))
LIMIT_BYTES = 2_000_000

each = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def disagreements(card: Any, manifest: Any, size: Any) -> Any:
    """What the manifest says and the card does not."""
    said = {
        "name": f"# {manifest.name}\n",
        "detector": f"\n{manifest.detector} version {manifest.detector_version}, ",
        "size": f" {size} bytes, ",
        "made": f"ONNX opset {manifest.opset}, made {manifest.created} by {manifest.producer}.",
        "channels": f"channels {', '.join(manifest.channels)} in {manifest.unit}, {manifest.rate_hz:g} Hz",
        "band": f"below {manifest.lowpass_hz:g} Hz",
        "windows": f"windows of {manifest.samples} samples every {manifest.hop}.",
        "digest": f"`{manifest.data_digest}`",
        "threshold": f"## Threshold\n\n{manifest.threshold:.7g}\n\n{manifest.calibration.statement}.\n",
        **{condition: f"\n- {condition}: " for condition in manifest.calibration.conditions},
        **{name: f"\n- {cards.markdown_text(f'{name}: {text}')}\n" for name, text in manifest.notes.items()},
    }
    return [what for what, text in said.items() if text not in card]


def test_there_is_a_file_for_every_unsupervised_detector_or_the_page_says_which_are_missing() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    missing = set(unsupervised()) - {path.stem for path in FILES}
    said = re.search(r"^Not made yet: (.*)\.$", page, re.MULTILINE)
    assert missing == (set(re.findall(r"`(\w+)`", said.group(1))) if said else set())


def test_the_page_is_the_one_that_the_command_writes_from_the_figures() -> None:
    figures = cards.read(FOLDER)
    assert set(figures) == {path.stem for path in FILES}
    assert {name: body["bytes"] for name, body in figures.items()} == {
        path.stem: path.stat().st_size for path in FILES
    }
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == cards.page(figures, unsupervised())


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.stem.endswith(INT8)], ids=lambda path: path.stem
)
def test_a_variant_is_smaller_and_cost_nothing_when_it_was_made(path: Any) -> None:
    plain = path.with_stem(path.stem.removesuffix(INT8))
    cost = cards.read(FOLDER)[plain.stem]["int8"]
    assert cost["refusal"] == ""
    assert cost["auroc_loss"] < 0.01
    assert cost["size_ratio"] == pytest.approx(path.stat().st_size / plain.stat().st_size)
    assert path.stat().st_size < plain.stat().st_size


def test_no_card_without_a_file_and_no_file_without_a_card() -> None:
    cards = {path.stem for path in FOLDER.glob("*.md")} - {"README"}
    assert cards == {path.stem for path in FILES}


@each
def test_the_golden_windows_score_here_as_they_did_at_the_trainer(path: Any) -> None:
    artefact = scorer.open_trusted(path)  # raises where one of them scores differently
    assert len(artefact.manifest.golden) == 10
    assert artefact.manifest.calibration.supported
    assert artefact.manifest.name == path.stem
    assert artefact.manifest.detector == path.stem.removesuffix(INT8)
    assert ("8-bit" in artefact.manifest.notes.get("weights", "")) == path.stem.endswith(INT8)
    assert artefact.manifest.detector_version == REGISTRY[artefact.manifest.detector].version


@each
def test_the_card_says_what_the_manifest_says(path: Any) -> None:
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    manifest = scorer.open_trusted(path).manifest
    assert disagreements(card, manifest, path.stat().st_size) == []
    other = card.replace(f"{manifest.threshold:.7g}", "1.5").replace("3 hp: ", "4 hp: ")
    assert disagreements(other, manifest, path.stat().st_size + 1) == ["size", "threshold", "3 hp"]
    for heading in ("Data", "Conditions", "Threshold", "Figures", "Limits"):
        assert f"\n## {heading}\n" in card


@each
def test_a_file_is_small_or_the_page_says_why_not(path: Any) -> None:
    if path.stat().st_size > LIMIT_BYTES:
        assert f"`{path.stem}` is over 2 MB because" in (FOLDER / "README.md").read_text(encoding="utf-8")


@each
def test_it_alarms_on_the_sample_faults_and_on_nothing_normal(path: Any) -> None:
    found = evaluate(scorer.open_trusted(path), sample())
    assert found.by_alarm.caught == found.by_alarm.faulty == 3
    assert found.by_alarm.false_alarms == 0
