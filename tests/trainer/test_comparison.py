"""Detectors side by side: what is recommended, what is written, and what happens when something breaks."""

import json
import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core.errors import UnavailableError
from edge_runtime.models import scorer
from tests.shared import SAMPLE
from tests.trainer.builders import recording
from tests.trainer.sample import sample
from trainer import comparing
from trainer.comparing import Terms
from trainer.comparison import comparison_remarks, ranking, workers
from trainer.comparison.unseen_faults import fault_kind
from trainer.core.errors import ChoiceError, FitError
from trainer.fitting import orders
from trainer.recordings.augment import with_noise

TIMES = {"fit_s", "export_s", "score_s"}


def machine() -> Any:
    """Two loads, each healthy and with faults of two kinds, twenty times as strong."""
    made = []
    for load_number, condition in enumerate(("0 hp", "1 hp")):
        for number, label in enumerate(("normal", "ball 0.007 in", "inner race 0.007 in")):
            level = 1.0 if label == "normal" else 20.0
            seed = 10 * load_number + number
            made.append(recording(8192, seed=seed, label=label, condition=condition, level=level))
    return tuple(made)


def compare(names: Any, recordings: Any, terms: Any = None, bars: Any = lambda *_: None) -> Any:
    return comparing.compare(recordings, orders(names, samples=64), terms or Terms(processes=1), (), bars)


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in TIMES}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def contrasted() -> Any:
    return compare("decision_tree,principal_components", machine())


def test_a_supervised_detector_is_shown_and_never_recommended(contrasted: Any) -> None:
    found = {item.detector: item for item in contrasted.ranking}
    assert found["decision_tree"].supervised
    assert found["decision_tree"].unseen_condition is not None
    assert set(found["decision_tree"].unseen_fault_kinds) == {"ball", "inner race"}
    assert contrasted.recommended == "principal_components"
    assert (
        "principal_components raised an alarm on 0 of 2 healthy and 4 of 4 faulty recordings"
        in contrasted.reason
    )
    assert [item["recommended"] for item in contrasted.to_json()] == [True, False]
    alone = ranking.rank_detectors("unseen", contrasted.candidates[1:])
    assert (alone.recommended, [item["recommended"] for item in alone.to_json()]) == ("", [False])
    assert comparison_remarks(alone)[0].startswith("recommended: none; all are supervised")


def test_an_unsupported_threshold_is_never_recommended(contrasted: Any) -> None:
    best = contrasted.candidates[0]
    weak = replace(best.trials[1], calibration=replace(best.trials[1].calibration, supported=False))
    found = ranking.rank_detectors("unseen", [replace(best, trials=(best.trials[0], weak))])
    assert best.recommendable
    assert found.recommended == ""


def test_the_recommendation_rests_on_power_and_no_label_has_a_say(contrasted: Any) -> None:
    good = contrasted.candidates[0]
    assert contrasted.basis == "power"
    assert contrasted.reason.startswith("chosen by which faults it would hear; ")
    # Its labels say that it misses every fault; what it would hear is the same.
    blind = replace(good.trials[0].evaluation.by_alarm, caught=0)
    missed = replace(good.trials[0].evaluation.by_window, missed_rate=1.0)
    judged = replace(good.trials[0].evaluation, by_alarm=blind, by_window=missed)
    trials = tuple(replace(trial, evaluation=judged, bytes=trial.bytes // 100) for trial in good.trials)
    rival = replace(good, detector="linear_autoencoder", trials=trials)
    found = ranking.rank_detectors("unseen", [good, rival])
    assert found.recommended == "linear_autoencoder"
    assert "linear_autoencoder comes first because it costs less at equal power" in found.reason
    # One that needs faults of twice the size comes after it, though it raised fewer windows above it.
    hard = [replace(fault, half=2 * fault.half) for fault in good.trials[0].power.faults if fault.half]
    coarse = replace(good.trials[0].power, faults=tuple(hard))
    weaker = replace(rival, trials=tuple(replace(trial, power=coarse) for trial in trials))
    found = ranking.rank_detectors("unseen", [good, weaker])
    assert found.recommended == "principal_components"
    assert "principal_components comes first because it hears smaller faults at equal false" in found.reason
    # More windows above the threshold than were promised outweigh any power; fewer than promised do not.
    for rate, best in ((0.9, "linear_autoencoder"), (0.0, "principal_components")):
        high = replace(good.trials[0].evaluation.by_window, false_alarm_rate=rate)
        broken = replace(good.trials[0].evaluation, by_window=high)
        bold = replace(good, trials=tuple(replace(trial, evaluation=broken) for trial in good.trials))
        assert ranking.rank_detectors("unseen", [bold, weaker]).recommended == best


def test_a_detector_that_hears_nothing_has_figures_and_is_never_recommended() -> None:
    """A forest's score ends at 1: with levels this far apart its threshold lies above it."""
    parts = tuple(
        recording(8192, seed=number, condition=f"{number} hp", level=level, label=label)
        for number, level, label in (
            (1, 1.0, "normal"),
            (2, 40.0, "normal"),
            (3, 1.5, "normal"),
            (1, 30.0, "worn"),
        )
    )
    # A quarter of the usual trees: what a score ends at does not depend on how many there are.
    few = [replace(order, options={"trees": "25"}) for order in orders("isolation_forest", samples=64)]
    found = comparing.compare(parts[:3], few, Terms(processes=1), (), lambda *_: None)
    deaf = [trial for trial in found.candidates[0].trials if not trial.power.hears]
    assert deaf
    assert not any(trial.calibration.supported for trial in deaf)
    assert found.recommended == ""
    assert found.ranking[0].hears.startswith("Nothing up to 100 times")
    assert found.ranking[0].unseen_condition is not None


def test_of_equals_the_cheaper_comes_first_and_the_page_says_so(contrasted: Any) -> None:
    """As labels rank where power was not measured."""
    light = contrasted.candidates[0]
    light = replace(light, trials=tuple(replace(trial, louder=1.7, power=None) for trial in light.trials))
    alone = ranking.rank_detectors("unseen", [light])
    assert (alone.basis, alone.to_json()[0]["chosen_by"]) == ("labels", "labels")
    assert alone.reason.startswith("chosen by the labels of the recordings; ")
    large = [replace(trial, bytes=100 * trial.bytes, louder=1.6) for trial in light.trials]
    heavy = replace(light, detector="linear_autoencoder", trials=tuple(large))
    found = ranking.rank_detectors("unseen", [heavy, light])
    assert found.recommended == "principal_components"
    assert "principal_components comes first because it costs less at equal errors" in found.reason
    assert "a file 1e+02 times as large" in found.reason
    insensitive = replace(light, trials=tuple(replace(trial, louder=5.7) for trial in light.trials))
    found = ranking.rank_detectors("unseen", [insensitive, heavy])
    assert "linear_autoencoder comes first because it notices a much smaller rise in level" in found.reason
    near = [replace(trial, louder=1.6) for trial in light.trials]
    near = replace(light, detector="linear_autoencoder", trials=tuple(near))
    found = ranking.rank_detectors("unseen", [light, near])
    assert found.recommended == "linear_autoencoder"
    assert "notices a smaller rise in level at equal errors and like cost" in found.reason
    wrong = replace(heavy.trials[0].evaluation.by_alarm, false_alarms=1)
    erring = replace(light.trials[0], evaluation=replace(light.trials[0].evaluation, by_alarm=wrong))
    found = ranking.rank_detectors("unseen", [replace(light, trials=(erring, light.trials[1])), heavy])
    assert "linear_autoencoder comes first because it is wrong about fewer recordings" in found.reason


def test_a_second_run_leaves_nothing_of_the_first(tmp_path: Path, contrasted: Any) -> None:
    listed = [{"detector": "zscore", "recommended": True}, {"detector": "gaussian", "recommended": False}]
    (tmp_path / "compare.json").write_text(json.dumps(listed))
    for name in ("zscore.onnx", "report.html", "gaussian.onnx", "notes.txt"):
        (tmp_path / name).write_text("earlier")
    alone = ranking.rank_detectors("unseen", contrasted.candidates[1:])
    comparing.write(alone, machine(), orders("decision_tree", samples=64), tmp_path, {})
    assert {path.name for path in tmp_path.iterdir()} == {"compare.json", "gaussian.onnx", "notes.txt"}
    assert json.loads((tmp_path / "compare.json").read_text())[0]["detector"] == "decision_tree"
    for odd in ("{", "[1]", '[{"detector": "../../notes", "recommended": true}]', '[{"detector": []}]', "3"):
        (tmp_path / "compare.json").write_text(odd)
        comparing.write(alone, machine(), orders("decision_tree", samples=64), tmp_path, {})
        assert (tmp_path / "notes.txt").exists()
    (tmp_path / "report.html").mkdir()
    with pytest.raises(UnavailableError, match="of an earlier run, cannot be removed"):
        comparing.write(alone, machine(), orders("decision_tree", samples=64), tmp_path, {})


def test_programs_find_every_figure(contrasted: Any) -> None:
    body = json.loads(json.dumps(contrasted.to_json(), allow_nan=False))
    assert [item["detector"] for item in body] == ["principal_components", "decision_tree"]
    first = body[0]
    assert first["auroc"] == first["worst_recording_auroc"] == 1.0
    assert first["worst_recording"] in {"r1", "r2", "r11", "r12"}
    assert first["unseen_condition"] | {"worst_false_alarm_rate": 0, "mean_false_alarm_rate": 0} == {
        "worst_false_alarm_rate": 0,
        "mean_false_alarm_rate": 0,
        "worst_miss_rate": 0.0,
        "mean_miss_rate": 0.0,
        "alarmed_fault_recordings": 4,
        "fault_recordings": 4,
        "alarmed_normal_recordings": 0,
        "normal_recordings": 2,
    }
    assert min(first["fit_s"], first["export_s"], first["score_s"], first["bytes"], first["louder"]) > 0
    assert first["refused"] == ""
    assert [trial["unseen"] for trial in first["trials"]] == [["0 hp"], ["1 hp"]]


def test_the_worst_recording_is_the_worst_of_all_trials() -> None:
    found = compare("principal_components", machine(), Terms("single", processes=1))
    lowest = min(value for trial in found.candidates[0].trials for value in trial.aurocs.values())
    assert found.ranking[0].worst_recording_auroc == lowest
    assert found.title.startswith("all other operating conditions")


def test_processes_change_nothing_but_the_time(contrasted: Any) -> None:
    news = []
    found = compare(
        "decision_tree,principal_components", machine(), Terms(processes=2), lambda *said: news.append(said)
    )
    assert timeless(found.to_json()) == timeless(contrasted.to_json())
    assert {(name, share) for name, share, _ in news} >= {
        ("principal_components", 1.0),
        ("decision_tree", 1.0),
    }
    assert not multiprocessing.active_children()


def test_a_process_that_the_system_kills_is_reported() -> None:
    def end_one(*_: Any) -> None:
        pid = multiprocessing.active_children()[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    with pytest.raises(UnavailableError, match="--processes 1"):
        workers.try_all(
            machine(), orders("linear_autoencoder,conv_autoencoder", samples=64), "unseen", 2, end_one
        )
    assert not multiprocessing.active_children()


def test_page_model_and_figures_are_written_together(tmp_path: Path) -> None:
    chosen, folder = orders("principal_components", samples=1024, hop=1024), tmp_path / "new" / "compared"
    terms = Terms(noise_db=-40.0, accept=("rate",), processes=1)
    found = comparing.compare_list(SAMPLE / "cwru.csv", chosen, terms, folder, lambda *_: None)
    assert sorted(path.name for path in folder.iterdir()) == [
        "compare.json",
        "principal_components.onnx",
        "report.html",
    ]
    assert json.loads((folder / "compare.json").read_text()) == json.loads(json.dumps(found.to_json()))
    notes = scorer.open_trusted(folder / "principal_components.onnx").manifest.notes
    assert notes["noise"] == "white, -40 dB, added on purpose"
    assert "offset" in notes["warnings"]
    assert [finding["guard"] for finding in found.to_json()[0]["findings"]] == ["offset"]
    page = (folder / "report.html").read_text()
    assert "without the labels of faulty recordings" in page
    assert "What it would hear" in page
    assert "An alarm within 10 s is raised by" in page
    assert "Recommended: <b>principal_components</b>" in page
    assert "0 of 4" in page


def test_without_a_recommendation_only_the_figures_are_written(tmp_path: Path, contrasted: Any) -> None:
    alone = ranking.rank_detectors("unseen", contrasted.candidates[1:])
    comparing.write(alone, machine(), orders("decision_tree", samples=64), tmp_path, {})
    assert [path.name for path in tmp_path.iterdir()] == ["compare.json"]


def test_power_can_be_left_out_and_the_page_says_what_the_choice_rests_on(tmp_path: Path) -> None:
    chosen = orders("gaussian", samples=1024, hop=1024, power=False)
    found = comparing.compare_list(SAMPLE / "cwru.csv", chosen, Terms(processes=1), tmp_path, lambda *_: None)
    assert all(trial.power is None for trial in found.candidates[0].trials)
    assert json.loads((tmp_path / "compare.json").read_text())[0]["power"] is None
    page = (tmp_path / "report.html").read_text()
    assert "made by the labels of the recordings" in page
    assert "was not measured when this file was made" in page


def test_lists_and_wishes_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    one = tuple(item for item in machine() if item.condition == "0 hp")
    with pytest.raises(FitError, match="normal recordings of 1 operating condition"):
        compare("gaussian", one)
    with pytest.raises(FitError, match="no detector could be fitted; decision_tree"):
        compare("decision_tree", tuple(item for item in machine() if item.label == "normal"))
    with pytest.raises(ChoiceError, match="no arrangement 'both'"):
        compare("gaussian", machine(), Terms("both"))
    with pytest.raises(ChoiceError, match="-1 processes"):
        compare("gaussian", machine(), Terms(processes=-1))
    for level_db in (float("nan"), float("inf"), -1e9):
        with pytest.raises(ChoiceError, match="cannot be added"):
            with_noise(machine(), level_db)
    with pytest.raises(UnavailableError, match="is not a folder"):
        comparing.compare_list(
            SAMPLE / "cwru.csv", orders("gaussian"), Terms(), SAMPLE / "cwru.csv", lambda *_: None
        )


def test_one_that_alarms_on_the_healthy_machine_is_recommended_with_a_warning() -> None:
    quiet = machine()
    loud = tuple(
        replace(item, stored=item.samples * 8, condition="2 hp", digest=item.name) for item in quiet[:1]
    )
    chosen = [replace(order, augment="off") for order in orders("gaussian", samples=64)]
    found = comparing.compare(quiet + loud, chosen, Terms("single", processes=1), (), lambda *_: None)
    assert found.candidates[0].false_alarms
    assert "beware: the best there is raised" in found.reason
    assert "beware" not in compare("gaussian", quiet).reason


def test_a_kind_of_fault_is_what_stands_before_its_size() -> None:
    assert [
        fault_kind(label) for label in ("inner race 0.007 in", "outer race 0.007 in at 6", "worn", "7 in")
    ] == [
        "inner race",
        "outer race",
        "worn",
        "7 in",
    ]


def test_noise_of_a_list_is_as_strong_as_said() -> None:
    normals = [item for item in sample() if item.label == "normal"]
    noisy = with_noise(normals, 0.0)
    before = sum(item.samples.var() for item in normals)
    assert sum(item.samples.var() for item in noisy) == pytest.approx(2 * before, rel=0.02)
