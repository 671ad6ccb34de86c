"""The one training loop: seed, epochs, early stop, progress, history."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from trainer.core import FitContext, FitError, Progress

Network = TypeVar("Network", bound=nn.Module)
Loss = Callable[[Tensor], Tensor]
"""From a batch of inputs to its mean loss, under the network as it stands."""
_STEEPEST: Final = 5.0
"""Longest gradient step: one freak batch must not throw the weights away."""
_BLOCK: Final = 16
"""Neighbouring windows overlap: they go to training or validation together, this many at a time."""


@dataclass(frozen=True, slots=True)
class Training:
    """How long and how fast to learn."""

    epochs: int = 100
    batch: int = 64
    learning_rate: float = 1e-3
    patience: int = 12
    """Epochs without a better validation loss after which training stops."""
    validation_share: float = 0.15


@dataclass(frozen=True, slots=True)
class History:
    """What happened, epoch by epoch."""

    training: tuple[float, ...]
    validation: tuple[float, ...]
    best_epoch: int

    def __str__(self) -> str:
        return (
            f"best of {len(self.validation)} epochs was {self.best_epoch + 1}, "
            f"validation loss {self.validation[self.best_epoch]:.4g}"
        )


def train(
    network: nn.Module, inputs: Tensor, loss: Loss, settings: Training, *, seed: int, progress: Progress
) -> History:
    """Train until the validation loss stops falling; the network ends with its best weights, in eval mode.

    `inputs` is [n, ...]. Raises FitError when the loss is not finite.
    """
    learn, check = _split(inputs, settings.validation_share, seed)
    optimiser = torch.optim.Adam(network.parameters(), settings.learning_rate)
    shuffle = torch.Generator().manual_seed(seed)
    training: list[float] = []
    validation: list[float] = []
    best = copy.deepcopy(network.state_dict())
    for epoch in range(settings.epochs):
        network.train()
        training.append(_epoch(batches(learn, settings.batch, shuffle), loss, optimiser))
        validation.append(_evaluate(network, check, loss, settings.batch))
        _check_finite(training[-1] + validation[-1], epoch)
        leader = int(np.argmin(validation))
        if leader == epoch:
            best = copy.deepcopy(network.state_dict())
        progress((epoch + 1) / settings.epochs, f"epoch {epoch + 1}, validation loss {validation[-1]:.4g}")
        if epoch - leader >= settings.patience:
            break
    network.load_state_dict(best)
    network.eval()
    return History(tuple(training), tuple(validation), int(np.argmin(validation)))


def autoencoder(
    build: Callable[[], Network], inputs: Tensor, settings: Training, context: FitContext
) -> tuple[Network, History]:
    """Build a network and train it to give back what it is given, [n, ...]; same seed, same weights.

    Raises FitError when the loss is not finite.
    """
    with seeded(context.seed):
        network = build()
        history = train(
            network,
            inputs,
            lambda batch: nn.functional.mse_loss(network(batch), batch),
            settings,
            seed=context.seed,
            progress=context.progress,
        )
    return network, history


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make what happens inside repeatable, and leave the caller's random numbers alone."""
    with torch.random.fork_rng(devices=[]), _one_thread():
        torch.manual_seed(seed)
        yield


def evaluate(network: nn.Module, inputs: Tensor) -> Tensor:
    """What a trained network makes of inputs."""
    with torch.no_grad(), _one_thread():
        outputs: Tensor = network(inputs)
    return outputs


@contextmanager
def _one_thread() -> Iterator[None]:
    # Small networks gain nothing from a second thread, lose the same sums on every machine, and where the
    # processor is shared they wait for one another: measured 10 times slower.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def batches(inputs: Tensor, size: int, shuffle: torch.Generator) -> Iterator[Tensor]:
    """Give shuffled batches; a last one of a single input joins the one before: BatchNorm needs two."""
    order = torch.randperm(len(inputs), generator=shuffle)
    cuts = list(range(0, len(order), size))
    if len(order) - cuts[-1] == 1 and len(cuts) > 1:
        cuts.pop()
    for start, stop in zip(cuts, [*cuts[1:], len(order)], strict=True):
        yield inputs[order[start:stop]]


def _split(inputs: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    blocks = -(-len(inputs) // _BLOCK)
    if blocks < 4:  # too few to hold any back: the training loss is all there is to watch
        return inputs, inputs
    order = np.random.default_rng(seed).permutation(blocks)
    held = np.isin(np.arange(len(inputs)) // _BLOCK, order[: max(1, round(blocks * share))])
    return inputs[torch.from_numpy(~held)], inputs[torch.from_numpy(held)]


def _epoch(shuffled: Iterable[Tensor], loss: Loss, optimiser: torch.optim.Optimizer) -> float:
    losses, sizes = [], []
    for batch in shuffled:
        optimiser.zero_grad()
        value = loss(batch)
        torch.autograd.backward(value)
        nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], _STEEPEST)
        optimiser.step()
        losses.append(float(value.detach()))
        sizes.append(len(batch))
    return float(np.average(losses, weights=sizes))


def _evaluate(network: nn.Module, inputs: Tensor, loss: Loss, size: int) -> float:
    network.eval()
    with torch.no_grad():
        parts = [inputs[start : start + size] for start in range(0, len(inputs), size)]
        return float(np.average([float(loss(part)) for part in parts], weights=[len(part) for part in parts]))


def _check_finite(value: float, epoch: int) -> None:
    if not math.isfinite(value):
        raise FitError(
            f"training diverged in epoch {epoch + 1}: the loss is {value}",
            remedy="Lower the learning rate, or look for spikes in the normal recordings",
        )
