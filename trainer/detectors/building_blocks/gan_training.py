"""Adversarial training of a generator and a discriminator, with checks for divergence and mode collapse.

Activations are tanh: smooth, so that a gradient search through them converges to the same code on every
processor.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from trainer.core import FitError, Progress
from trainer.detectors.building_blocks.training import batches

_LEAST_SPREAD: Final = 0.05
"""A generator whose vectors vary less than this share of the training vectors' has collapsed. A judgement:
low enough that no generator which is of any use is refused."""
_LEARNING_RATE: Final = 1e-3
"""Adam's default."""
_BETAS: Final = (0.5, 0.99)
"""Adam's moments. The first is lowered from 0.9 as Radford et al. do for stability (DCGAN, ICLR 2016)."""
_REAL: Final = 0.9
"""One-sided label smoothing (Salimans et al., "Improved techniques for training GANs", NIPS 2016): the target
for real vectors is below 1, or the discriminator becomes certain and its gradient vanishes."""
_DRAWN: Final = 256
"""Vectors drawn to measure the generator's spread: its standard error is below 5 %."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A generator and a discriminator."""

    latent: int
    """Length of a latent code."""
    generator: nn.Sequential
    """From latent codes [n, latent] to vectors [n, width]."""
    hidden: nn.Sequential
    """The discriminator up to its last hidden layer: vectors to features [n, hidden]."""
    head: nn.Linear
    """The discriminator's last layer: features to one logit, positive for real."""


def pair(width: int, latent: int, hidden: int) -> Pair:
    """Return an untrained pair for vectors of `width` values, with layers of `hidden` units."""
    generator = nn.Sequential(
        nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, width)
    )
    features = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
    return Pair(latent, generator, features, nn.Linear(hidden, 1))


def train(networks: Pair, inputs: Tensor, *, epochs: int, batch: int, seed: int, progress: Progress) -> None:
    """Train on normal vectors [n, width] for a fixed number of epochs.

    There is no early stop: the losses of opponents do not say how good the generator is. Raises FitError when
    training diverged, or when the generator collapsed to nearly one vector.
    """
    shuffle = torch.Generator().manual_seed(seed)
    discriminator = nn.ModuleList([networks.hidden, networks.head])
    optimisers = [
        torch.optim.Adam(part.parameters(), _LEARNING_RATE, _BETAS)
        for part in (discriminator, networks.generator)
    ]
    for epoch in range(epochs):
        losses = [_step(networks, real, optimisers) for real in batches(inputs, batch, shuffle)]
        if not torch.isfinite(torch.tensor(losses)).all():
            raise FitError(
                f"generator and discriminator diverged in epoch {epoch + 1}",
                remedy="Choose another seed, or look for spikes in the normal recordings",
            )
        progress(
            (epoch + 1) / epochs, f"epoch {epoch + 1}, losses {losses[-1][0]:.3g} and {losses[-1][1]:.3g}"
        )
    with torch.no_grad():
        drawn = networks.generator(torch.randn(_DRAWN, networks.latent))
        spread = float(drawn.std(0).mean() / inputs.std(0).mean())
    if not spread >= _LEAST_SPREAD:
        raise FitError(
            f"the generator collapsed: its vectors vary {spread:.2g} times as much as normal ones",
            remedy="Choose another seed or more epochs, or give more normal data",
        )


def _step(networks: Pair, real: Tensor, optimisers: list[torch.optim.Adam]) -> tuple[float, float]:
    """One step of the discriminator, then one of the generator; returns their losses."""
    of_discriminator, of_generator = optimisers
    fake = networks.generator(torch.randn(len(real), networks.latent))
    logits = _logits(networks, torch.cat([real, fake.detach()]))
    targets = torch.cat([torch.full((len(real), 1), _REAL), torch.zeros(len(real), 1)])
    first = _descend(of_discriminator, cross_entropy(logits, targets))
    second = _descend(of_generator, cross_entropy(_logits(networks, fake), torch.ones(len(real), 1)))
    return first, second


def _logits(networks: Pair, vectors: Tensor) -> Tensor:
    logits: Tensor = networks.head(networks.hidden(vectors))
    return logits


def _descend(optimiser: torch.optim.Adam, loss: Tensor) -> float:
    # Not loss.backward(): that would also leave gradients in the opponent's parameters.
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    gradients = torch.autograd.grad(loss, parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimiser.step()
    return float(loss.detach())
