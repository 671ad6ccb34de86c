"""The search for the latent code whose generated vector is nearest, by gradient steps.

`run` takes the gradient from torch's autograd; `write` writes the same steps into a graph, with the gradient
written out. The residual counts as its square when small and as its magnitude when large, as in the paper,
and codes far from the middle cost a little: without both, the search is chaotic on windows far from normal
ones, and rounding alone would decide their score.
"""

import itertools
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import torch
from torch import Tensor, nn

from trainer.detectors.building_blocks.gan_training import Pair
from trainer.detectors.building_blocks.torch_layers import floats
from trainer.graphs import GraphValue

STEPS: Final = 24
RATES: Final = (0.1, 0.3, 1.0)
BOUND: Final = 3.0
"""Codes stay within this distance of the middle, where the generator has learnt."""
PRIOR: Final = 0.05
NUDGE: Final = 1e-4
GROWTH: Final = 30.0


@dataclass(frozen=True, slots=True)
class Search:
    """Gradient descent on residual, discriminator features and distance from the middle."""

    pair: Pair
    share: float
    """Weight of the discriminator's features."""
    rate: float
    steps: int = STEPS

    @classmethod
    def tuned(cls, pair: Pair, inputs: Tensor, share: float) -> Self:
        """Choose the step that brings normal vectors [n, width] nearest, of those that are steady."""
        tried = [cls(pair, share, rate) for rate in RATES]
        steady = [search for search in tried if search.steady(torch.cat([inputs, 3 * inputs, -inputs]))]
        with torch.no_grad():
            return min(steady or tried[:1], key=lambda search: float(search.loss(search.run(inputs), inputs)))

    def steady(self, inputs: Tensor) -> bool:
        """Whether inputs a little apart end at codes a little apart: rounding must not decide."""
        moved = (self.run(inputs * (1 + NUDGE)) - self.run(inputs)).abs().max()
        return float(moved) <= GROWTH * NUDGE

    def loss(self, codes: Tensor, inputs: Tensor) -> Tensor:
        """Sum over vectors of what is minimised."""
        made = self.pair.generator(codes)
        residual = 2 * ((1 + (made - inputs).square()).sqrt() - 1).mean(1)
        apart = (self.pair.hidden(made) - self.pair.hidden(inputs)).square().mean(1)
        prior = PRIOR * codes.square().mean(1)
        total: Tensor = ((1 - self.share) * residual + self.share * apart + prior).sum()
        return total

    def run(self, inputs: Tensor) -> Tensor:
        """Find codes [n, latent] with torch."""
        codes = torch.zeros(len(inputs), self.pair.latent)
        for less in self._fading():
            with torch.enable_grad():
                moving = codes.clone().requires_grad_()
                (slope,) = torch.autograd.grad(self.loss(moving, inputs), moving)
            step = self.rate * slope
            length = step.square().sum(1, keepdim=True).sqrt()
            codes = (codes - less * step / length.clamp(min=1.0)).clamp(-BOUND, BOUND)
        return codes

    def write(self, vectors: GraphValue) -> GraphValue:
        """Write the same search for vectors [batch, width]: codes [batch, latent]."""
        generator, hidden = _Dense(self.pair.generator, vectors), _Dense(self.pair.hidden, vectors)
        wanted = hidden.forward(vectors)[-1]
        latent, width = generator.inputs, hidden.inputs
        code = vectors.part(0, 1) * np.zeros((1, latent))
        for less in self._fading():
            made = generator.forward(code)
            seen = hidden.forward(made[-1])
            apart = (seen[-1] - wanted) * (2 * self.share / hidden.outputs)
            residual = made[-1] - vectors
            pull = residual / (residual * residual + 1.0).sqrt() * (2 * (1 - self.share) / width)
            slope = generator.backward(made, pull + hidden.backward(seen, apart))
            step = (slope + code * (2 * PRIOR / latent)) * self.rate
            length = (step * step).sum(keep=True).sqrt()
            code = (code - step / length.at_least(1.0) * less).clip(BOUND)
        return code

    def _fading(self) -> list[float]:
        """Smaller and smaller steps, each at most that long: far from all normal vectors they would jump."""
        return [1.0 - step / self.steps for step in range(self.steps)]


class _Dense:
    """Linear layers with tanh after all, or all but the last, forwards and backwards."""

    def __init__(self, layers: nn.Sequential, vectors: GraphValue) -> None:
        builder, linear = vectors.builder, [layer for layer in layers if isinstance(layer, nn.Linear)]
        self._weights = [builder.constant(floats(layer.weight).astype(np.float32)) for layer in linear]
        self._turned = [weight.transpose(1, 0) for weight in self._weights]
        self._biases = [floats(layer.bias) for layer in linear]
        self._bent = [following is not None for following in _after(layers)]
        self.inputs, self.outputs = linear[0].in_features, linear[-1].out_features

    def forward(self, value: GraphValue) -> list[GraphValue]:
        """Values after each layer."""
        values = []
        for turned, bias, bent in zip(self._turned, self._biases, self._bent, strict=True):
            value = value @ turned + bias
            value = value.builder.op("Tanh", value) if bent else value
            values.append(value)
        return values

    def backward(self, values: list[GraphValue], slope: GraphValue) -> GraphValue:
        """From the slope at the output to that at the input: tanh's is 1 less its square."""
        for value, weight, bent in zip(values[::-1], self._weights[::-1], self._bent[::-1], strict=True):
            slope = slope - slope * value * value if bent else slope
            slope = slope @ weight
        return slope


def _after(layers: nn.Sequential) -> list[nn.Module | None]:
    listed = [*layers, None]
    pairs = itertools.pairwise(listed)
    return [
        after if isinstance(after, nn.Tanh) else None
        for layer, after in pairs
        if isinstance(layer, nn.Linear)
    ]
