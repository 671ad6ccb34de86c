"""A file knows what it learnt from, and an evaluation on that says so."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from edge_runtime.models import Artefact, open_trusted
from tests.trainer.hums import Machine
from trainer import evaluation, fitting
from trainer.calibration import Order
from trainer.evaluation import recordings_table, summary_table
from trainer.report import report_page

LEARNT = tuple(Machine(31).condition(number) for number in range(3))
FRESH = Machine(31).condition(9)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    path: Path = tmp_path_factory.mktemp("learnt") / "m.onnx"
    order = Order("gaussian", samples=512, hop=256)
    fitting.write(fitting.fit(LEARNT, order), order, path)
    return open_trusted(path)


def printed(table: object) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_the_file_names_each_recording_once(model: Artefact) -> None:
    assert model.manifest.learnt == tuple(item.digest[:16] for item in LEARNT)


def test_an_evaluation_marks_what_was_learnt(model: Artefact) -> None:
    found = evaluation.evaluate(model, [*LEARNT, FRESH])
    assert [row.learnt for row in found.by_recording] == [True, True, True, False]
    assert found.to_json()["learnt"] == 3
    assert "3 of 4, which flatter what follows" in printed(summary_table(found))
    assert printed(recordings_table(found)).count("(learnt from)") == 3


def test_an_evaluation_on_others_says_nothing_of_it(model: Artefact) -> None:
    found = evaluation.evaluate(model, [FRESH])
    assert found.learnt == 0
    assert "learnt from" not in printed(summary_table(found)) + printed(recordings_table(found))


def test_the_page_says_it_too(model: Artefact) -> None:
    page = report_page(model, [*LEARNT, FRESH])
    assert "that the model did not learn from, 1 of 4" in page
    assert page.count("(learnt from)") == 3
    assert "learnt from: they flatter" not in page
    assert "3 of which the model learnt from: they flatter it" in report_page(model, LEARNT)
