import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.models import scorer
from tests.artefacts import write_artefact
from tests.trainer.builders import recording
from tests.trainer.pages import without_charts
from tests.trainer.sample import sample
from tests.waiting import HANG_S, scaled
from trainer import comparing
from trainer.comparing import Terms
from trainer.comparison import trials
from trainer.comparison.table import level_factor
from trainer.core import natural_key
from trainer.core.errors import FitError, RecordingError
from trainer.fitting import Order
from trainer.recordings import channel_velocities
from trainer.report import report_page


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    orders = [Order("principal_components"), Order("gaussian")]
    folder = tmp_path_factory.mktemp("compared")
    found = comparing.compare(sample(), orders, Terms(processes=1), (), lambda *_: None)
    comparing.write(found, sample(), orders, folder, {})
    return found, folder / "report.html"


class Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Any] = []

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        self.found += [value for name, value in attrs if name in {"src", "href", "xlink:href"} and value]


def test_the_page_is_whole_in_itself_and_says_what_matters(compared: tuple[Any, Any]) -> None:
    found, page = compared
    text = page.read_text(encoding="utf-8")
    links = Links()
    links.feed(text)
    assert all(link.startswith("#") for link in links.found)  # inside the pictures only
    assert not re.search(r"@import|url\(http|<script", without_charts(text))
    assert text.count("<svg") == 8
    assert "3 of 3" in text
    assert "4 conditions were left out in turn" in text
    assert f"Recommended: <b>{found.recommended}</b>" in text
    assert "What to record next" in text


def test_the_sample_is_judged_right_on_conditions_never_seen(compared: tuple[Any, Any]) -> None:
    found, page = compared
    best = found.candidates[0]
    assert best.detector == "principal_components"
    assert (best.false_alarms, best.uncaught, best.false_alarm_rate) == (0, 0, 0.0)
    assert [trial.unseen for trial in best.trials] == [("2 hp",), ("3 hp",), ("0 hp",), ("1 hp",)]
    assert all(set(trial.learnt).isdisjoint(trial.unseen) for trial in best.trials)
    body = json.loads((page.parent / "compare.json").read_text())
    assert body[0]["unseen_condition"]["worst_false_alarm_rate"] == 0.0
    assert (
        scorer.open_trusted(page.parent / "principal_components.onnx").manifest.name == "principal_components"
    )


@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
def test_a_real_browser_shows_the_page(compared: tuple[Any, Any], tmp_path: Path) -> None:
    _, page = compared
    picture = tmp_path / "page.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,3000"]
    done = subprocess.run(
        [
            "chromium",
            *options,
            f"--user-data-dir={tmp_path}",
            f"--screenshot={picture}",
            page.as_uri(),
        ],
        capture_output=True,
        timeout=scaled(2 * HANG_S),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert picture.stat().st_size > 50_000  # an empty page of this size takes under 20 kB


def test_one_condition_alone_widened_and_not() -> None:
    two = [item for item in sample() if item.condition in {"2 hp", "3 hp"}]
    order = Order("principal_components", augment="auto", options={"most": "32"})
    wide = trials.run_trials(two, order, "single")
    assert (wide.false_alarms, wide.uncaught) == (0, 0)
    assert max(wide.false_alarm_rate, wide.missed_rate) <= 0.01
    assert all("speed 0.96 to 1.04, gain 0.7 to 1.4" in trial.calibration.statement for trial in wide.trials)
    plain = trials.run_trials(two, Order("principal_components", augment="off"), "single")
    assert plain.false_alarm_rate > 0.3  # what the field ships


def test_louder_finds_the_factor(tmp_path: Path) -> None:
    artefact = scorer.open_trusted(
        write_artefact(tmp_path / "rms.onnx")
    )  # its score is the rms, its threshold 1
    quiet = recording(64 * 100, level=0.25).samples.reshape(-1, 64, 1)
    assert trials.louder(artefact.graph, 1.0, quiet) == pytest.approx(4.0, rel=0.03)
    assert trials.louder(artefact.graph, 0.1, quiet) == 1.0
    assert trials.louder(artefact.graph, 1e6, quiet) == float("inf")


def test_a_single_condition_cannot_be_tried() -> None:
    with pytest.raises(FitError, match="normal recordings of 1 operating condition"):
        trials.run_trials([item for item in sample() if item.condition == "2 hp"], Order("gaussian"))


def test_unsupported_models_say_so_and_dead_lists_are_refused(tmp_path: Path) -> None:
    path = write_artefact(tmp_path / "rms.onnx")
    manifest = scorer.open_trusted(path).manifest
    calibration = type(manifest.calibration)(
        "largest", 0.001, False, "Unsupported: too little", 9, ("0 hp",), {"1": 1.0}
    )
    artefact = scorer.open_trusted(write_artefact(tmp_path / "weak.onnx", calibration=calibration))
    text = report_page(artefact, [recording(level=0.3)])
    assert "<b>Unsupported.</b>" in text
    assert "No faulty recordings were listed" in text
    with pytest.raises(RecordingError, match="no normal recordings"):
        report_page(artefact, [recording(label="worn")])


def test_the_page_tells_of_the_model_what_the_model_says(tmp_path: Path) -> None:
    """The list may hold other recordings than those that were learnt from."""
    noted = {"recorded": "31.0 hours of normal vibration in 9 recordings"}
    for notes, learnt in (({}, "the healthy machine at only"), (noted, f"{noted['recorded']}: only")):
        path = write_artefact(tmp_path / "rms.onnx", notes=notes)
        artefact = scorer.open_trusted(path)
        assert artefact.manifest.calibration.conditions == ("only",)
        text = " ".join(report_page(artefact, [recording(level=0.3, condition="9 hp")]).split())
        assert f"It learnt from {learnt}. It calls" in text
        assert "as the model takes it: 1000 samples a second" in text


def test_a_detector_that_never_notices_the_level_is_described_in_words() -> None:
    assert (level_factor(1.5), level_factor(float("inf"))) == (
        "1.50 x",
        "never",
    )


def test_markup_in_names_is_escaped(tmp_path: Path) -> None:
    artefact = scorer.open_trusted(write_artefact(tmp_path / "rms.onnx", name="<script>alert(1)</script>"))
    text = report_page(artefact, [recording(level=0.3)])
    assert "<script" not in without_charts(text)
    assert "&lt;script&gt;" in text


def test_held_out_figures_come_first_and_conditions_as_people_count(tmp_path: Path) -> None:
    """The recordings that were learnt from flatter: the tiles are of the others, where there are some."""
    learnt = recording(level=0.3, seed=1, condition="2 hp")
    worn = recording(level=3.0, seed=3, label="worn", condition="1 hp")
    path = write_artefact(tmp_path / "rms.onnx", learnt=(learnt.digest[:16],))
    artefact = scorer.open_trusted(path)
    held_out = [recording(level=0.3, seed=seed, condition=f"{seed} hp") for seed in (10, 9)]
    text = " ".join(report_page(artefact, [learnt, worn, *held_out]).split())
    assert "those of the recordings listed below that the model did not learn from, 3 of " in text
    assert "<b>1 of 1</b> faulty recordings raised an alarm" in text
    assert re.findall(r"<tr[^>]*><td>(r\d+)", text) == ["r9", "r10", "r3", "r1"]
    flattered = " ".join(report_page(artefact, [learnt]).split())
    assert "the recordings listed below, 1 of which the model learnt from: they flatter it" in flattered


def test_tiles_mean_something_with_normals_alone(tmp_path: Path) -> None:
    artefact = scorer.open_trusted(
        write_artefact(tmp_path / "rms.onnx")
    )  # its score is the RMS, its threshold 1
    text = " ".join(report_page(artefact, [recording(level=0.3)]).split())
    assert re.search(r"<b>3\d %</b> of the threshold is the highest score of a healthy window", text)
    assert "faulty recordings raised an alarm" not in text
    assert "nan" not in text


def test_the_velocity_of_each_recording_is_in_mm_s_where_it_is_known(tmp_path: Path) -> None:
    path = write_artefact(tmp_path / "rms.onnx", rate_hz=4000.0)
    fast = recording(count=40000, level=0.3, rate_hz=4000.0)
    text = report_page(scorer.open_trusted(path), [fast])
    speeds = channel_velocities(fast)
    assert speeds is not None
    (speed,) = speeds
    assert f'<td class="n">{speed:.4g}</td></tr>' in text
    assert channel_velocities(recording(level=0.3)) is None, "its rate is 1000 Hz"


def test_pictures_and_tables_are_scrolled_where_the_screen_is_narrow(tmp_path: Path) -> None:
    """At 390 px letters would be 5 px high: pictures keep their width, in a frame that scrolls."""
    artefact = scorer.open_trusted(write_artefact(tmp_path / "rms.onnx"))
    text = report_page(artefact, [recording(level=0.3), recording(level=3.0, seed=1, label="worn")])
    assert text.count('<div class="wide still"><svg') == text.count("<svg") > 3
    assert text.count('<div class="wide"><table>') == text.count("<table>") == text.count("</table></div>")


def test_names_are_sorted_as_people_count() -> None:
    names = ["10 hp", "2 hp", "0.5 hp", "full", "Half", "2 hp, hot", "load 10", "load 9"]
    said = sorted(names, key=natural_key)
    assert said == ["0.5 hp", "2 hp", "2 hp, hot", "10 hp", "full", "Half", "load 9", "load 10"]
