"""A generator and a discriminator that learn normal vectors from each other, and the checks that they did.

Activations are tanh: smooth, so that a gradient search through them ends alike wherever it runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from trainer.core import FitError, Progress
from trainer.detectors.building_blocks.training import batches

_LEAST_SPREAD: Final = 0.05
"""A generator whose vectors vary less than this share of the training vectors' has collapsed."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What learns from each other."""

    latent: int
    """Length of a latent code."""
    generator: nn.Sequential
    """From latent codes [n, latent] to vectors [n, width]."""
    hidden: nn.Sequential
    """The discriminator up to its last hidden layer: vectors to features [n, hidden]."""
    verdict: nn.Linear
    """The discriminator's last layer: features to one logit, positive for real."""


def pair(width: int, latent: int, hidden: int) -> Pair:
    """Make an untrained pair for vectors of `width` values."""
    generator = nn.Sequential(
        nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, width)
    )
    features = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
    return Pair(latent, generator, features, nn.Linear(hidden, 1))


def train(made: Pair, inputs: Tensor, *, epochs: int, batch: int, seed: int, progress: Progress) -> None:
    """Train for a fixed number of epochs: losses of opponents say nothing of when to stop.

    Raises FitError when the pair diverged, or the generator collapsed to nearly one vector.
    """
    shuffle = torch.Generator().manual_seed(seed)
    judge = nn.ModuleList([made.hidden, made.verdict])
    optimisers = [torch.optim.Adam(part.parameters(), 1e-3, (0.5, 0.99)) for part in (judge, made.generator)]
    for epoch in range(epochs):
        losses = [_step(made, real, optimisers) for real in batches(inputs, batch, shuffle)]
        _check_finite(losses, epoch)
        progress(
            (epoch + 1) / epochs, f"epoch {epoch + 1}, losses {losses[-1][0]:.3g} and {losses[-1][1]:.3g}"
        )
    _check_spread(made, inputs)


def _step(made: Pair, real: Tensor, optimisers: list[torch.optim.Adam]) -> tuple[float, float]:
    for_judge, for_generator = optimisers
    fake = made.generator(torch.randn(len(real), made.latent))
    judged = _logits(made, torch.cat([real, fake.detach()]))
    # One-sided label smoothing (Salimans et al., 2016): the discriminator must not become certain.
    truth = torch.cat([torch.full((len(real), 1), 0.9), torch.zeros(len(real), 1)])
    first = _descend(for_judge, cross_entropy(judged, truth))
    second = _descend(for_generator, cross_entropy(_logits(made, fake), torch.ones(len(real), 1)))
    return first, second


def _logits(made: Pair, vectors: Tensor) -> Tensor:
    logits: Tensor = made.verdict(made.hidden(vectors))
    return logits


def _descend(optimiser: torch.optim.Adam, loss: Tensor) -> float:
    for parameter in _parameters(optimiser):
        parameter.grad = None
    wanted = list(_parameters(optimiser))
    for parameter, gradient in zip(wanted, torch.autograd.grad(loss, wanted), strict=True):
        parameter.grad = gradient
    optimiser.step()
    return float(loss.detach())


def _parameters(optimiser: torch.optim.Adam) -> Iterator[nn.Parameter]:
    for group in optimiser.param_groups:
        yield from group["params"]


def _check_finite(losses: list[tuple[float, float]], epoch: int) -> None:
    if not torch.isfinite(torch.tensor(losses)).all():
        raise FitError(
            f"generator and discriminator diverged in epoch {epoch + 1}",
            remedy="Choose another seed, or look for spikes in the normal recordings",
        )


def _check_spread(made: Pair, inputs: Tensor) -> None:
    with torch.no_grad():
        spread = float(made.generator(torch.randn(256, made.latent)).std(0).mean() / inputs.std(0).mean())
    if not spread >= _LEAST_SPREAD:
        raise FitError(
            f"the generator collapsed: its vectors vary {spread:.2g} times as much as normal ones",
            remedy="Choose another seed or more epochs, or give more normal data",
        )
