"""The training loop of all networks: seed, epochs, early stopping, progress, history."""

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
"""From a batch of inputs to its mean loss, with the network's present weights."""
_GRADIENT_NORM: Final = 5.0
"""Gradients are clipped to this norm. A judgement: ordinary ones are smaller, and one outlying batch cannot
ruin the weights."""
_BLOCK: Final = 16
"""Windows are split into training and validation in blocks of this many: neighbours overlap, and single
windows would be validated on samples they were trained on. More would leave too few blocks of short
recordings."""
_LEAST_BLOCKS: Final = 4
"""With fewer blocks none is held out: it would be a third or more of the data, and too few to validate on."""


@dataclass(frozen=True, slots=True)
class Training:
    """Settings of a training."""

    epochs: int = 100
    """At most."""
    batch: int = 64
    """Windows of one step. A judgement: the few thousand of a fit give some fifty steps an epoch."""
    learning_rate: float = 1e-3
    """Of Adam; its own default."""
    patience: int = 12
    """Epochs without a better validation loss after which training stops."""
    validation_share: float = 0.15
    """Of the blocks. Balances a steady validation loss with data to learn from."""


@dataclass(frozen=True, slots=True)
class History:
    """Losses of a training, one per epoch."""

    training: tuple[float, ...]
    validation: tuple[float, ...]
    best_epoch: int
    """From 0."""

    def __str__(self) -> str:
        return (
            f"best of {len(self.validation)} epochs was {self.best_epoch + 1}, "
            f"validation loss {self.validation[self.best_epoch]:.4g}"
        )


def train(
    network: nn.Module, inputs: Tensor, loss: Loss, settings: Training, *, seed: int, progress: Progress
) -> History:
    """Train until the validation loss stops falling; leave the network with its best weights, in eval mode.

    `inputs` is [n, ...]. Raises FitError when the loss is not finite.
    """
    learn, held = _split(inputs, settings.validation_share, seed)
    optimiser = torch.optim.Adam(network.parameters(), settings.learning_rate)
    shuffle = torch.Generator().manual_seed(seed)
    training: list[float] = []
    validation: list[float] = []
    best = copy.deepcopy(network.state_dict())
    for epoch in range(settings.epochs):
        network.train()
        training.append(_epoch(batches(learn, settings.batch, shuffle), loss, optimiser))
        validation.append(_validation_loss(network, held, loss, settings.batch))
        if not math.isfinite(value := training[-1] + validation[-1]):
            raise FitError(
                f"training diverged in epoch {epoch + 1}: the loss is {value}",
                remedy="Lower the learning rate, or look for spikes in the normal recordings",
            )
        best_epoch = int(np.argmin(validation))
        if best_epoch == epoch:
            best = copy.deepcopy(network.state_dict())
        progress((epoch + 1) / settings.epochs, f"epoch {epoch + 1}, validation loss {validation[-1]:.4g}")
        if epoch - best_epoch >= settings.patience:
            break
    network.load_state_dict(best)
    network.eval()
    return History(tuple(training), tuple(validation), int(np.argmin(validation)))


def autoencoder(
    build: Callable[[], Network], inputs: Tensor, settings: Training, context: FitContext
) -> tuple[Network, History]:
    """Build a network and train it to reproduce its inputs [n, ...]; the same seed gives the same weights.

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
    """Seed torch and use one thread inside the block; then restore random state and threads."""
    with torch.random.fork_rng(devices=[]), _one_thread():
        torch.manual_seed(seed)
        yield


def evaluate(network: nn.Module, inputs: Tensor) -> Tensor:
    """Return the outputs of a trained network for inputs [n, ...], without gradients."""
    with torch.no_grad(), _one_thread():
        outputs: Tensor = network(inputs)
    return outputs


@contextmanager
def _one_thread() -> Iterator[None]:
    # Small networks gain nothing from a second thread. With several, sums depend on their number, and on a
    # busy processor they wait for one another: measured 10 times slower.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def batches(inputs: Tensor, size: int, shuffle: torch.Generator) -> Iterator[Tensor]:
    """Iterate over shuffled batches [size, ...] of inputs [n, ...].

    A last batch of a single input is joined to the one before: BatchNorm needs two.
    """
    order = torch.randperm(len(inputs), generator=shuffle)
    cuts = list(range(0, len(order), size))
    if len(order) - cuts[-1] == 1 and len(cuts) > 1:
        cuts.pop()
    for start, stop in zip(cuts, [*cuts[1:], len(order)], strict=True):
        yield inputs[order[start:stop]]


def _split(inputs: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Training and validation inputs; of few, all are both, and the training loss decides when to stop."""
    blocks = -(-len(inputs) // _BLOCK)
    if blocks < _LEAST_BLOCKS:
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
        nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], _GRADIENT_NORM)
        optimiser.step()
        losses.append(float(value.detach()))
        sizes.append(len(batch))
    return float(np.average(losses, weights=sizes))


def _validation_loss(network: nn.Module, inputs: Tensor, loss: Loss, size: int) -> float:
    network.eval()
    with torch.no_grad():
        parts = [inputs[start : start + size] for start in range(0, len(inputs), size)]
        return float(np.average([float(loss(part)) for part in parts], weights=[len(part) for part in parts]))
