"""A folder of ready models, as `make models` writes it, on the sample recordings."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.models import scorer
from tests.shared import ROOT, SAMPLE
from tests.trainer.test_cli import Run, trainer
from tests.trainer.test_comparison import machine
from tests.trainer.test_exported_models import disagreements
from trainer import fitting
from trainer.core.context import quiet
from trainer.evaluation.quantization_cost import Int8Cost
from trainer.fleet.ready_models import cards, make_models
from trainer.fleet.ready_models.make import INT8, unsupervised

FEW = "gaussian,principal_components"
COST = Int8Cost(size_ratio=0.3, latency_ratio=1.0, auroc_loss=0.0, otherwise=0.0, changed=())


def recipe() -> Any:
    """What `make models` runs last."""
    lines = subprocess.check_output(
        ["make", "-n", "--no-print-directory", "models"], text=True, cwd=ROOT
    ).splitlines()
    program, *arguments = lines[-1].split()
    assert program.endswith("/trainer")
    return arguments


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The folder that the Makefile's own command writes for two detectors, and what it said."""
    folder = tmp_path_factory.mktemp("ready_models") / "new"
    verb, _list, flag, _folder, *rest = recipe()
    assert (verb, flag, rest) == ("models", "-o", ["--int8"])
    # On a quick machine all would be over before the first line is due.
    every = "from trainer.cli import terminal; terminal._EVERY_S = 0.0"
    done = trainer(verb, SAMPLE / "cwru.csv", flag, folder, *rest, "--detectors", FEW, before=every)
    return folder, done


def test_file_card_figures_and_page_lie_together_and_nothing_else(made: tuple[Any, Any]) -> None:
    names = ["gaussian", "principal_components", f"principal_components{INT8}"]
    expected = {"README.md", cards.FILE} | {f"{name}.{kind}" for name in names for kind in ("onnx", "md")}
    assert {path.name for path in made[0].iterdir()} == expected


def test_progress_is_reported_and_the_table_is_printed(made: tuple[Any, Any]) -> None:
    folder, done = made
    shares = [int(share) for share in re.findall(r"^models: (\d+)%, ", done.stderr, re.MULTILINE)]
    assert shares == sorted(shares)
    assert "gaussian, 1 of 2: leaving out" in done.stderr
    for path in folder.glob("*.onnx"):
        assert f"{path}: {path.stat().st_size} bytes" in done.stdout
    assert re.search(r"^\| `principal_components` \| 0\.\d\d \| \d\.\d\d \| .* \| yes \|$", done.stdout, re.M)


def test_every_card_says_what_its_manifest_says(made: tuple[Any, Any]) -> None:
    for path in made[0].glob("*.onnx"):
        manifest = scorer.open_trusted(path).manifest
        assert manifest.name == path.stem
        text = path.with_suffix(".md").read_text()
        assert disagreements(text, manifest, path.stat().st_size) == []
        headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
        assert headings[:4] == ["Data", "Conditions", "Threshold", "What it would hear"]
        assert headings[4:] == ["Figures", "Limits", "Notes"]
        assert manifest.power["statement"][:40] in text


def test_the_variant_is_calibrated_for_itself_and_smaller(made: tuple[Any, Any]) -> None:
    plain, small = (made[0] / f"principal_components{end}.onnx" for end in ("", INT8))
    first, second = (scorer.open_trusted(path).manifest for path in (plain, small))
    assert small.stat().st_size < 0.5 * plain.stat().st_size
    assert second.threshold != first.threshold
    assert second.threshold == pytest.approx(first.threshold, rel=0.02)
    assert second.calibration.quantiles != first.calibration.quantiles
    assert second.data_digest == first.data_digest
    assert "8-bit" in second.notes["weights"]
    assert "weights" not in first.notes


def test_the_page_tells_every_file_and_what_is_missing(made: tuple[Any, Any]) -> None:
    page = (made[0] / "README.md").read_text()
    for path in made[0].glob("*.onnx"):
        assert f"\n| `{path.stem}` | {path.stat().st_size / 1000:.0f} | 1.0000 | " in page
    (missing,) = re.findall(r"^Not made yet: (.*)\.$", page, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", missing)) == set(unsupervised()) - set(FEW.split(","))


def test_a_later_run_keeps_what_it_does_not_make_and_drops_what_is_gone(
    made: tuple[Any, Any], tmp_path: Path
) -> None:
    for path in made[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "gaussian.onnx").unlink()
    orders = fitting.orders("zscore", samples=64)
    found = make_models(machine(), orders, tmp_path, quiet)
    assert sorted(found) == ["principal_components", f"principal_components{INT8}", "zscore"]
    page = (tmp_path / "README.md").read_text()
    assert page.count("That is what") == 2  # they learnt from different recordings
    assert "| `gaussian` |" not in page
    assert page == cards.page(json.loads((tmp_path / cards.FILE).read_text()), unsupervised())


def test_a_variant_that_cannot_be_judged_is_not_left_there(tmp_path: Path) -> None:
    normal = tuple(item for item in machine() if item.label == "normal")
    orders = fitting.orders("principal_components", samples=64)
    found = make_models(normal, orders, tmp_path, quiet, int8=True)
    assert list(found) == ["principal_components"]
    assert "of AUROC" in found["principal_components"]["int8"]["refusal"]
    assert not list(tmp_path.glob(f"*{INT8}*"))
    page = (tmp_path / "README.md").read_text()
    assert "| no: it costs" in page
    assert json.loads((tmp_path / cards.FILE).read_text())["principal_components"]["auroc"] is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"auroc_loss": 0.01}, r"costs 0\.0100 of AUROC"),
        ({"auroc_loss": float("nan")}, "costs nan of AUROC"),
        ({"changed": ("r1", "r2")}, r"2 recordings are judged otherwise \(r1, r2\)"),
        ({"otherwise": 0.002}, r"0\.20% of windows are judged otherwise"),
        ({"size_ratio": 1.0}, "no smaller"),
    ],
)
def test_each_criterion_alone_refuses_a_variant(changes: dict[str, Any], reason: str) -> None:
    assert COST.refusal == ""
    assert replace(COST, otherwise=0.001, auroc_loss=0.0099).refusal == ""
    assert re.search(reason, replace(COST, **changes).refusal)


def test_fit_writes_8_bit_weights_where_there_are_any(tmp_path: Path, run: Run) -> None:
    chosen = ("fit", SAMPLE / "cwru.csv", "--detector", "principal_components", "--hop", 1024)
    for name, options in (("plain", ()), ("small", ("--int8",))):
        assert run(*chosen, *options, "-o", tmp_path / f"{name}.onnx")[0] == 0
    plain, small = (tmp_path / f"{name}.onnx" for name in ("plain", "small"))
    assert small.stat().st_size < 0.5 * plain.stat().st_size
    assert "8-bit" in run("inspect", small)[1]
    code, _, refused = run(
        "fit", SAMPLE / "cwru.csv", "--detector", "gaussian", "--int8", "-o", tmp_path / "no.onnx"
    )
    assert code == 64
    assert "gaussian has no weights to keep as 8-bit integers" in refused
    assert not (tmp_path / "no.onnx").exists()
