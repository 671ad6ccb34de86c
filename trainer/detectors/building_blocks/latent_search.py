"""AnoGAN's search for the latent code whose generated vector is nearest to a given one, by gradient descent.

`run` takes the gradient from torch's autograd; `write` adds the same steps to a graph, with the gradient
derived by hand. The residual loss is pseudo-Huber: quadratic when small, linear as in the paper when large;
and a quadratic prior pulls codes to the origin. Without both, the search is chaotic on windows far from
normal ones, and rounding alone would decide their score.
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
"""Each step is a pass forwards and backwards in the graph: balances time per window with how close the search
gets."""
RATES: Final = (0.1, 0.3, 1.0)
"""Step sizes tried at fitting, about half a decade apart."""
BOUND: Final = 3.0
"""Codes are clipped to this magnitude: 99.7 % of the normally distributed training codes are within."""
PRIOR: Final = 0.05
"""Weight of the mean square code. A judgement: large enough to make the search converge, small beside the
residual."""
NUDGE: Final = 1e-4
"""Relative change of the inputs with which sensitivity is measured, well above the 1e-7 of float32."""
GROWTH: Final = 30.0
"""Most that the search may amplify that change: rounding errors then stay near 30 x 1e-7 of the code, below
what parity allows."""


@dataclass(frozen=True, slots=True)
class Search:
    """Gradient descent on residual, difference of discriminator features and prior of the code."""

    pair: Pair
    share: float
    """Weight of the discriminator's features; the residual has the rest."""
    rate: float
    """Step size."""
    steps: int = STEPS

    @classmethod
    def tuned(cls, pair: Pair, inputs: Tensor, share: float) -> Self:
        """Choose the step size with the least loss on normal vectors [n, width], of those that are stable."""
        tried = [cls(pair, share, rate) for rate in RATES]
        # Vectors far from normal, too: three times as large, and with the opposite sign.
        probes = torch.cat([inputs, 3 * inputs, -inputs])
        stable = [search for search in tried if search.stable(probes)]
        with torch.no_grad():
            return min(stable or tried[:1], key=lambda search: float(search.loss(search.run(inputs), inputs)))

    def stable(self, inputs: Tensor) -> bool:
        """Whether nearly equal inputs give nearly equal codes, so that rounding cannot decide the score."""
        moved = (self.run(inputs * (1 + NUDGE)) - self.run(inputs)).abs().max()
        return float(moved) <= GROWTH * NUDGE

    def loss(self, codes: Tensor, inputs: Tensor) -> Tensor:
        """The objective, summed over vectors: codes [n, latent], inputs [n, width]."""
        made = self.pair.generator(codes)
        residual = 2 * ((1 + (made - inputs).square()).sqrt() - 1).mean(1)
        apart = (self.pair.hidden(made) - self.pair.hidden(inputs)).square().mean(1)
        prior = PRIOR * codes.square().mean(1)
        total: Tensor = ((1 - self.share) * residual + self.share * apart + prior).sum()
        return total

    def run(self, inputs: Tensor) -> Tensor:
        """Find the codes [n, latent] of inputs [n, width] with torch."""
        codes = torch.zeros(len(inputs), self.pair.latent)
        for factor in self._step_factors():
            with torch.enable_grad():
                moving = codes.clone().requires_grad_()
                (slope,) = torch.autograd.grad(self.loss(moving, inputs), moving)
            step = self.rate * slope
            length = step.square().sum(1, keepdim=True).sqrt()
            codes = (codes - factor * step / length.clamp(min=1.0)).clamp(-BOUND, BOUND)
        return codes

    def write(self, vectors: GraphValue) -> GraphValue:
        """Add the same search to a graph: vectors [batch, width] to codes [batch, latent]."""
        generator, hidden = _Dense(self.pair.generator, vectors), _Dense(self.pair.hidden, vectors)
        target = hidden.forward(vectors)[-1]
        latent, width = generator.inputs, hidden.inputs
        code = vectors.part(0, 1) * np.zeros((1, latent))
        for factor in self._step_factors():
            made = generator.forward(code)
            features = hidden.forward(made[-1])
            of_features = (features[-1] - target) * (2 * self.share / hidden.outputs)
            residual = made[-1] - vectors
            of_residual = residual / (residual * residual + 1.0).sqrt() * (2 * (1 - self.share) / width)
            slope = generator.backward(made, of_residual + hidden.backward(features, of_features))
            step = (slope + code * (2 * PRIOR / latent)) * self.rate
            length = (step * step).sum(keep=True).sqrt()
            code = (code - step / length.at_least(1.0) * factor).clip(BOUND)
        return code

    def _step_factors(self) -> list[float]:
        """Factors on the step, decreasing linearly; each also bounds the length of its step."""
        return [1.0 - step / self.steps for step in range(self.steps)]


class _Dense:
    """Linear layers with tanh after all, or all but the last: values and gradients in a graph."""

    def __init__(self, layers: nn.Sequential, vectors: GraphValue) -> None:
        builder, linear = vectors.builder, [layer for layer in layers if isinstance(layer, nn.Linear)]
        self._weights = [builder.constant(floats(layer.weight).astype(np.float32)) for layer in linear]
        self._transposed = [weight.transpose(1, 0) for weight in self._weights]
        self._biases = [floats(layer.bias) for layer in linear]
        self._activated = [
            isinstance(following, nn.Tanh)
            for layer, following in itertools.pairwise([*layers, None])
            if isinstance(layer, nn.Linear)
        ]
        self.inputs, self.outputs = linear[0].in_features, linear[-1].out_features

    def forward(self, value: GraphValue) -> list[GraphValue]:
        """Values after each layer [batch, width of the layer]."""
        values = []
        for weight, bias, activated in zip(self._transposed, self._biases, self._activated, strict=True):
            value = value @ weight + bias
            value = value.builder.op("Tanh", value) if activated else value
            values.append(value)
        return values

    def backward(self, values: list[GraphValue], slope: GraphValue) -> GraphValue:
        """Gradient at the input from the one at the output; the derivative of tanh is 1 less its square."""
        layers = zip(values[::-1], self._weights[::-1], self._activated[::-1], strict=True)
        for value, weight, activated in layers:
            slope = slope - slope * value * value if activated else slope
            slope = slope @ weight
        return slope
