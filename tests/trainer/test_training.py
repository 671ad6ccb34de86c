"""The training loop: when it stops, what it keeps, and that a diverging network leaves no file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.shared import SAMPLE
from tests.trainer.test_cli import Run
from trainer.core.context import FitContext, quiet
from trainer.core.errors import FitError
from trainer.detectors import create
from trainer.detectors.building_blocks import training
from trainer.detectors.building_blocks.training import Training

PLAN = Training(epochs=40, batch=16, learning_rate=1e-2, patience=3)


def inputs(count: int = 256) -> Any:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((count, 4)).astype(np.float32))


def network() -> Any:
    with training.seeded(0):
        return nn.Linear(4, 4)


def learn(
    made: Any, data: Any, plan: Any = PLAN, loss: Any = None, progress: Any = quiet, seed: int = 0
) -> Any:
    given = loss or (lambda batch: nn.functional.mse_loss(made(batch), batch))
    with training.seeded(seed):
        return training.train(made, data, given, plan, seed=seed, progress=progress)


def test_it_learns_and_tells_every_epoch() -> None:
    made, reports = network(), []
    history = learn(made, inputs(), progress=lambda share, what: reports.append((share, what)))
    assert len(history.training) == len(history.validation) == len(reports)
    assert history.validation[history.best_epoch] == min(history.validation) < 0.1 * history.validation[0]
    assert [share for share, _ in reports] == pytest.approx([(n + 1) / 40 for n in range(len(reports))])
    assert reports[0][1].startswith("epoch 1, validation loss ")
    assert str(history).startswith(f"best of {len(reports)} epochs was {history.best_epoch + 1}, ")
    assert not made.training


def scripted(made: Any, validation: Any) -> Any:
    """A loss whose value in evaluation follows a script, one value an epoch; weights still move."""
    epochs = iter(validation)
    state = {"value": None}

    def loss(batch: Any) -> Any:
        if made.training:
            state["value"] = None
            return nn.functional.mse_loss(made(batch), batch)
        if state["value"] is None:
            state["value"] = next(epochs)
        return torch.tensor(state["value"])

    return loss


def test_it_stops_when_patience_is_over_and_keeps_the_best_weights() -> None:
    made, weights = network(), []
    script = [5.0, 4.0, 3.0, 3.5, 3.2, 3.1, 0.0]
    history = learn(
        made,
        inputs(),
        loss=scripted(made, script),
        progress=lambda *_: weights.append(made.weight.detach().clone()),
    )
    assert history.validation == pytest.approx(script[:6])  # three epochs without a better one
    assert history.best_epoch == 2
    assert torch.equal(made.weight, weights[2])
    assert not torch.equal(made.weight, weights[5])


def test_a_late_improvement_restarts_the_patience() -> None:
    made = network()
    script = [5.0, 6.0, 6.0, 4.0, 6.0, 6.0, 6.0, 1.0]
    assert learn(made, inputs(), loss=scripted(made, script)).validation == pytest.approx(script[:7])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_refused_with_its_epoch(value: float) -> None:
    made = network()
    with pytest.raises(FitError, match=r"diverged in epoch 2: the loss is (nan|inf)") as refused:
        learn(made, inputs(), loss=scripted(made, [1.0, value]))
    assert "learning rate" in refused.value.remedy


@pytest.mark.parametrize("name", ["linear_autoencoder", "conv_autoencoder", "gru_autoencoder"])
def test_every_kind_of_network_says_that_it_diverged(name: str) -> None:
    detector = create(name, {"learning_rate": "1e30", "epochs": "3"})
    windows = np.random.default_rng(1).standard_normal((80, 64, 1)).astype(np.float32)
    with pytest.raises(FitError, match="training diverged in epoch"):
        detector.fit(windows, FitContext(1000.0, ("x",), "g"))


def test_a_diverging_fit_writes_no_file_and_leaves_the_old_one(tmp_path: Path, run: Run) -> None:
    old = tmp_path / "old.onnx"
    old.write_bytes(b"the old model")
    options = ["--detector", "linear_autoencoder", "--option", "learning_rate=1e30", "--hop", 1024]
    code, _, said = run("fit", SAMPLE / "cwru.csv", *options, "-o", old)
    assert code == 65
    assert "training diverged in epoch" in said
    assert "learning rate" in said
    assert [path.name for path in tmp_path.iterdir()] == ["old.onnx"]
    assert old.read_bytes() == b"the old model"


def test_the_same_seed_learns_the_same_and_another_does_not() -> None:
    made = [network() for _ in range(3)]
    for one, seed in zip(made, (0, 0, 1), strict=True):
        learn(one, inputs(), replace(PLAN, epochs=2), seed=seed)
    assert torch.equal(made[0].weight, made[1].weight)
    assert not torch.equal(made[0].weight, made[2].weight)


def test_the_callers_random_numbers_and_threads_are_left_alone() -> None:
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    with training.seeded(7):
        assert torch.get_num_threads() == 1
        torch.rand(3)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("count", [1, 2, 16, 17, 33, 40])
def test_batches_hold_everything_once_and_none_is_of_one(count: int) -> None:
    data = torch.arange(count)
    given = list(training.batches(data, 16, torch.Generator().manual_seed(0)))
    assert sorted(torch.cat(given).tolist()) == list(range(count))
    assert all(len(batch) > 1 for batch in given) or count == 1


def test_validation_takes_whole_blocks_of_neighbours() -> None:
    split = training._split  # noqa: SLF001 - which rows are checked shows in no loss
    data = torch.arange(160)
    learnt, checked = split(data, 0.15, seed=0)
    assert sorted([*learnt.tolist(), *checked.tolist()]) == list(range(160))
    assert len(checked) == 32
    assert {first % 16 for first in checked[::16].tolist()} == {0}
    few = torch.arange(48)
    assert all(torch.equal(part, few) for part in split(few, 0.15, seed=0))
