"""A model adapted to another machine: what it hears then, what is refused, and that all can be taken back.

The model is of one load of the bearing recordings in tests/data, the other machine is another load.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import edge_runtime
from edge_runtime.core import (
    Adaptation,
    ArtefactError,
    DataError,
    GoldenWindowError,
    UnavailableError,
    adaptation_to_text,
    manifest_from_metadata,
    manifest_to_metadata,
)
from edge_runtime.models import open_trusted, read_adaptation, write_adaptation
from edge_runtime.models.proving import prove_in_child
from tests.adapting import cwru, fan
from tests.adapting.ways import adapted, write_capture
from tests.shared import ROOT, SAMPLE, needs
from tests.waiting import HANG_S, scaled

HALF = round(cwru.LEARN_S * cwru.RATE_HZ)
Write = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Bench:
    """A model of 0 hp, and 2 hp as another machine."""

    found: cwru.Bearings
    model: Path
    sidecar: Path
    adaptation: Adaptation
    sound: Any
    """Normal vibration at 2 hp, [samples, 1]."""
    faulty: Any
    """Each fault at 2 hp."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("adapting")
    found = cwru.bearings(folder, SAMPLE / "cwru", loads=("0 hp",), options={"front_end": "spectrum"})
    sound = found.normal["2 hp"].samples
    capture = write_capture(folder / "two.frames", [sound[:HALF]], cwru.RATE_HZ, ("DE",))
    model = found.model("0 hp")
    base = edge_runtime.load_model(model)
    made = edge_runtime.adapt(base, [capture], folder / "two.json")
    faulty = [item.samples for item in found.faulty["2 hp"]]
    return Bench(found, model, folder / "two.json", made, sound, faulty)


@pytest.fixture
def capture(tmp_path: Path) -> Write:
    def write(
        *pieces: Any, rate_hz: float = cwru.RATE_HZ, channels: tuple[str, ...] = ("DE",), **said: Any
    ) -> str:
        name = f"{len(list(tmp_path.glob('*.frames')))}.frames"
        return str(write_capture(tmp_path / name, pieces, rate_hz, channels, **said))

    return write


def refusal(bench: Bench, *recordings: Any, kind: type[Exception] = DataError, **wishes: Any) -> str:
    """The sentence that refuses these recordings; nothing may be written."""
    target = bench.sidecar.with_name("refused.json")
    target.unlink(missing_ok=True)
    with pytest.raises(kind) as refused:
        edge_runtime.adapt(open_trusted(bench.model), recordings, target, **wishes)
    assert not target.exists()
    assert getattr(refused.value, "remedy", "")
    return str(refused.value)


def test_another_load_is_heard_without_a_false_alarm_and_every_fault_is(bench: Bench) -> None:
    shipped = edge_runtime.load_model(bench.model)
    changed = edge_runtime.load_model(bench.model, adapted=bench.sidecar)
    rest = bench.sound[HALF:]
    assert (edge_runtime.score(changed, rest) > changed.manifest.threshold).mean() == 0
    assert (edge_runtime.score(shipped, rest) > shipped.manifest.threshold).mean() > 0.1
    for fault in bench.faulty:
        assert (edge_runtime.score(changed, fault) > changed.manifest.threshold).all()
    begun = [verdict for verdict in edge_runtime.replay(changed, rest) if verdict.transition == "new"]
    assert not begun


def test_what_it_says_of_itself(bench: Bench) -> None:
    said = bench.adaptation
    assert adaptation_to_text(read_adaptation(bench.sidecar)) == adaptation_to_text(said)
    assert said.base == edge_runtime.load_model(bench.model).graph.digest
    assert said.windows == (HALF - cwru.SAMPLES) // cwru.HOP + 1
    assert said.serial == "simulated"
    manifest = edge_runtime.load_model(bench.model, adapted=bench.sidecar).manifest
    assert manifest.threshold == said.threshold
    assert manifest.power is None, "what the other machine's model would hear is no promise of this one"
    assert manifest.origin == {"origin": "adapted", "created": said.created, "digest": said.digest}


def test_the_shipped_file_and_its_scores_stay_bit_for_bit(bench: Bench) -> None:
    before = bench.model.read_bytes()
    windows = np.stack([golden.samples for golden in open_trusted(bench.model).manifest.golden])
    scores = open_trusted(bench.model).graph.score(windows).tobytes()
    adapted(bench.model, str(bench.sidecar.with_name("two.frames")), bench.sidecar.with_name("again.json"))
    changed = edge_runtime.load_model(bench.model, adapted=bench.sidecar.with_name("again.json"))
    assert changed.graph.score(windows).tobytes() != scores
    assert bench.model.read_bytes() == before
    assert edge_runtime.load_model(bench.model).graph.score(windows).tobytes() == scores


def test_the_same_recordings_give_the_same_values(bench: Bench) -> None:
    """Whatever they were split into: captures, or one .npz."""
    begin = bench.sidecar.with_name("begin.npz")
    np.savez(begin, samples=bench.sound[:HALF], rate_hz=cwru.RATE_HZ, channels=["any"], unit="g")
    again = edge_runtime.adapt(open_trusted(bench.model), [begin], bench.sidecar.with_name("npz.json"))
    assert (again.mean, again.per_deviation) == (bench.adaptation.mean, bench.adaptation.per_deviation)
    assert again.threshold == bench.adaptation.threshold


def test_too_little_says_how_much_is_missing(bench: Bench, capture: Write) -> None:
    said = refusal(bench, capture(bench.sound[: cwru.SAMPLES + 9 * cwru.HOP]))
    assert "10 usable windows, and 40 are needed" in said
    assert "Record 30 windows more" in said
    assert "1.28 s" in said
    assert "0 usable windows" in refusal(bench, capture(bench.sound[:500]))


@pytest.mark.parametrize("begins", [0.3, 0.5, 0.9])
def test_a_fault_that_begins_while_it_is_learnt_is_refused(
    bench: Bench, capture: Write, begins: float
) -> None:
    sound = round(begins * HALF)
    for fault in bench.faulty:
        said = refusal(bench, capture(np.concatenate([bench.sound[:sound], fault[: HALF - sound]])))
        assert "drifted" in said or "unlike the others" in said


def test_what_refuses_can_be_accepted_and_is_written_down(
    bench: Bench, capture: Write, tmp_path: Path
) -> None:
    mixed = capture(np.concatenate([bench.sound[: HALF // 2], bench.faulty[0][: HALF // 2]]))
    wishes = ("drift", "shift", "towering")
    made = edge_runtime.adapt(open_trusted(bench.model), [mixed], tmp_path / "mixed.json", accept=wishes)
    assert any("drifted" in warning for warning in made.warnings)
    assert any("if that is a fault, it is learnt" in warning for warning in made.warnings)
    assert read_adaptation(tmp_path / "mixed.json").warnings == made.warnings


def test_single_windows_that_tower_are_left_out(bench: Bench, capture: Write, tmp_path: Path) -> None:
    knocked = bench.sound[:HALF].copy()
    knocked[9 * cwru.HOP + 300] += 40.0
    made = edge_runtime.adapt(open_trusted(bench.model), [capture(knocked)], tmp_path / "k.json")
    assert made.towering == 2, "the blow is in two windows, which overlap"
    assert "2 of 45 windows are unlike the others and were left out" in made.warnings
    assert made.threshold < 1.5 * bench.adaptation.threshold


def test_a_machine_that_stands_still_is_not_learnt(bench: Bench, capture: Write) -> None:
    said = refusal(bench, capture(0.02 * bench.sound[:HALF]))
    assert "0 usable windows" in said
    assert "stands still" in said
    held = bench.sound[:HALF].copy()
    held[:] = held[0]
    assert "flat" in refusal(bench, capture(held))


def test_another_sensor_is_refused(bench: Bench, capture: Write) -> None:
    part = bench.sound[:HALF]
    assert "rate is 12800 Hz" in refusal(bench, capture(part, rate_hz=12800.0))
    assert "channels is 2" in refusal(bench, capture(part.repeat(2, 1), channels=("x", "y")))
    assert "unit is m/s2" in refusal(bench, capture(part, unit="m/s2"))
    said = refusal(bench, capture(part), capture(part, serial="other"))
    assert "is of another sensor" in said
    assert "'other'" in said
    assert "no steadyhum frame" in refusal(bench, str(write_junk(bench.sidecar.with_name("junk.frames"))))
    assert "No such file" in refusal(bench, "nowhere.frames")


def write_junk(path: Path) -> Path:
    path.write_bytes(b"no frames \0" * 100)
    return path


@pytest.mark.parametrize("name", ["isolation_forest", "conv_autoencoder", "principal_components", "kmeans"])
def test_networks_and_forests_say_that_they_cannot_be_adapted(
    bench: Bench, tmp_path: Path, name: str
) -> None:
    model = open_trusted(ROOT / "exported_models" / f"{name}.onnx")
    with pytest.raises(ArtefactError, match=f"a model of {name} cannot be adapted"):
        edge_runtime.adapt(model, [bench.sidecar.with_name("two.frames")], tmp_path / "none.json")


def test_a_model_that_tells_states_apart_cannot_be_adapted(bench: Bench) -> None:
    model = open_trusted(bench.model)
    told = replace(model, manifest=replace(model.manifest, states={"names": ["low", "high"]}))
    with pytest.raises(ArtefactError, match="tells operating states apart"):
        edge_runtime.adapt(
            told, [bench.sidecar.with_name("two.frames")], bench.sidecar.with_name("none.json")
        )


def test_another_models_adaptation_is_refused(bench: Bench, tmp_path: Path) -> None:
    other = ROOT / "exported_models" / "multivariate_gaussian.onnx"
    with pytest.raises(ArtefactError, match="was made for the model multivariate_gaussian"):
        edge_runtime.load_model(other, adapted=bench.sidecar)


def test_every_edit_of_a_field_is_noticed(bench: Bench, tmp_path: Path) -> None:
    body = json.loads(bench.sidecar.read_text())
    for name, value in body.items():
        changed = [*value, *value, "1"] if isinstance(value, list) else f"{value}1"
        edited = tmp_path / "edited.json"
        edited.write_text(json.dumps({**body, name: changed}))
        with pytest.raises(ArtefactError):
            edge_runtime.load_model(bench.model, adapted=edited)
        edited.write_text(json.dumps({key: old for key, old in body.items() if key != name}))
        with pytest.raises(ArtefactError):
            edge_runtime.load_model(bench.model, adapted=edited)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"schema": 2}', "[" * 100_000, '{"schema": 1, "mean": [NaN]}', "\xff"]
)
def test_what_is_no_adaptation_is_a_sentence(bench: Bench, tmp_path: Path, text: str) -> None:
    path = tmp_path / "none.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ArtefactError, match="Adapt the model again"):
        read_adaptation(path)


def test_a_cut_file_a_fifo_and_a_missing_one_are_refused_at_once(bench: Bench, tmp_path: Path) -> None:
    whole = bench.sidecar.read_bytes()
    for length in (1, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.json").write_bytes(whole[:length])
        with pytest.raises(ArtefactError):
            read_adaptation(tmp_path / "cut.json")
    os.mkfifo(tmp_path / "fifo.json")
    for name in ("fifo.json", "none.json", "."):
        with pytest.raises(ArtefactError, match="`edge-runtime adapt` wrote"):
            read_adaptation(tmp_path / name)
    with pytest.raises(UnavailableError, match="cannot be written"):
        write_adaptation(bench.adaptation, tmp_path / "none" / "a.json")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"threshold": 1e29}, "It would miss what it is to find"),
        ({"mean": (0.0,), "per_deviation": (1.0,)}, "number of features"),
        ({"rate_hz": 25600.0}, "rate, channels, unit"),
        ({"channels": ("x", "y")}, "rate, channels, unit"),
    ],
)
def test_one_whose_digest_is_right_and_that_makes_no_sense_is_refused(
    bench: Bench, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    write_adaptation(replace(bench.adaptation, **changes), tmp_path / "a.json")
    with pytest.raises(ArtefactError, match=says):
        edge_runtime.load_model(bench.model, adapted=tmp_path / "a.json")


def test_a_deaf_scale_is_refused_by_the_child(bench: Bench, tmp_path: Path) -> None:
    deaf = replace(bench.adaptation, per_deviation=tuple(1e-9 for _ in bench.adaptation.per_deviation))
    write_adaptation(deaf, tmp_path / "deaf.json")
    with pytest.raises(ArtefactError):
        edge_runtime.load_model(bench.model, adapted=tmp_path / "deaf.json")


def test_golden_windows_of_both_are_proved(bench: Bench, tmp_path: Path) -> None:
    golden = bench.adaptation.golden
    wrong = replace(bench.adaptation, golden=(replace(golden[0], score=golden[0].score + 5), *golden[1:]))
    write_adaptation(wrong, tmp_path / "wrong.json")
    with pytest.raises(GoldenWindowError):
        edge_runtime.load_model(bench.model, adapted=tmp_path / "wrong.json")
    # A model whose own golden windows fail is refused, whatever the adaptation says.
    model = onnx.load(bench.model)
    manifest = manifest_from_metadata({part.key: part.value for part in model.metadata_props}, "m")
    first = replace(manifest.golden[0], score=manifest.golden[0].score + 50)
    onnx.helper.set_model_props(
        model, manifest_to_metadata(replace(manifest, golden=(first, *manifest.golden[1:])))
    )
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(model.SerializeToString())
    digest = hashlib.sha256(broken.read_bytes()).hexdigest()
    with pytest.raises(GoldenWindowError, match="at the trainer"):
        prove_in_child(broken.read_bytes(), "broken", replace(bench.adaptation, base=digest))


def test_the_commands(bench: Bench, tmp_path: Path) -> None:
    def run(*words: Any) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "edge_runtime", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=scaled(HANG_S),
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    np.savez(tmp_path / "two.npz", samples=bench.sound, rate_hz=cwru.RATE_HZ, channels=["DE"], unit="g")
    recording = tmp_path / "two.npz"
    words = ("adapt", bench.model, f"{recording}@0-2", "-o", tmp_path / "a.json")
    code, said, _ = run(*words)
    assert code == 0
    assert "45 windows" in said
    assert "Adapted to this machine" in said
    code, said, _ = run(*words, "--json")
    assert code == 0
    assert json.loads(said)["windows"] == 45
    replayed = ("replay", f"{recording}@2.1-5", "--model", bench.model)
    assert "0 alarms" in run(*replayed, "--adapted", tmp_path / "a.json")[1]
    assert "1 alarm" in run(*replayed)[1]
    code, _, error = run(*words, "--accept", "everything")
    assert code == 78
    assert "drift, towering, shift" in error
    code, _, error = run("adapt", bench.model, f"{recording}@0-0.5", "-o", tmp_path / "b.json")
    assert code == 65
    assert "are needed" in error
    assert not (tmp_path / "b.json").exists()


def test_a_fault_that_is_there_from_the_beginning_is_refused(bench: Bench, capture: Write) -> None:
    for fault in bench.faulty:
        assert "a fault, another speed, or no machine of its kind" in refusal(bench, capture(fault[:HALF]))


@needs("ceiling_fan")
def test_a_minute_of_another_speed_of_a_real_fan(tmp_path: Path) -> None:
    found = fan.ways(tmp_path, seconds=(60,), afresh=False)
    changed = found["adapted, 60 s"]
    assert min(one.false for one in found["as shipped"]) > 0.95
    assert np.mean([one.false for one in changed]) <= 0.01
    assert np.mean([one.missed for one in changed]) <= 0.40
    assert np.mean([one.auroc for one in changed]) >= 0.95
    assert min(one.auroc for one in changed) >= 0.85
