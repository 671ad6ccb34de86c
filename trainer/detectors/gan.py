"""AnoGAN and f-AnoGAN: how well can a generator of normal windows make this one?

Sources: T. Schlegl et al., "Unsupervised anomaly detection with generative adversarial networks", IPMI 2017,
and "f-AnoGAN", Medical Image Analysis 54 (2019). AnoGAN's search for the latent code runs inside the graph,
with the gradient written out; torch's autograd finds the same code at export, or there is no file.
"""

from abc import abstractmethod
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from trainer.core import ChoiceError
from trainer.detectors.building_blocks import gan_training, torch_layers
from trainer.detectors.building_blocks.latent_search import Search
from trainer.detectors.building_blocks.training import Training, evaluate, seeded, train
from trainer.detectors.building_blocks.vectors import Floats, VectorDetector
from trainer.graphs import GraphValue

DISCRIMINATION: Final = 0.1
"""Weight of the discriminator's features in the score; the residual has the rest."""


class Adversarial(VectorDetector):
    """Base: a trained pair, and a score from the vector that the generator comes up with."""

    default_front_end = "spectrum"

    def __init__(
        self, front_end: str = "", *, latent: int = 8, hidden: int = 64, epochs: int = 100, batch: int = 64
    ) -> None:
        """`latent` is the length of the code, `hidden` the width of the layers."""
        super().__init__(front_end)
        if latent < 1 or hidden < 1:
            raise ChoiceError(
                f"{self.name} cannot have codes of {latent} and layers of {hidden}", remedy="Give 1 or more"
            )
        self._latent = latent
        self._hidden = hidden
        self._epochs = epochs
        self._batch = batch

    def needs(self, width: int) -> int:
        """Ask for a batch at the least."""
        return 64 if width else 0

    def _learn(self, vectors: Floats) -> None:
        inputs = torch.from_numpy(vectors).float()
        with seeded(self._context.seed):
            self._pair = gan_training.pair(vectors.shape[1], self._latent, self._hidden)
            gan_training.train(
                self._pair,
                inputs,
                epochs=self._epochs,
                batch=self._batch,
                seed=self._context.seed,
                progress=self._context.progress,
            )
            self._learn_code(inputs)

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        made = torch_layers.write(self._pair.generator, self._code(vectors))
        parts = (vectors - made) * (vectors - made)
        apart = torch_layers.write(self._pair.hidden, vectors) - torch_layers.write(self._pair.hidden, made)
        return parts.mean() * (1 - DISCRIMINATION) + (apart * apart).mean() * DISCRIMINATION, None

    def _judge(self, vectors: Floats) -> Floats:
        inputs = torch.from_numpy(vectors).float()
        made = evaluate(self._pair.generator, self._found(inputs))
        hidden = [torch_layers.floats(evaluate(self._pair.hidden, value)) for value in (inputs, made)]
        residual = np.square(torch_layers.floats(inputs) - torch_layers.floats(made)).mean(axis=1)
        return np.asarray(
            (1 - DISCRIMINATION) * residual + DISCRIMINATION * np.square(hidden[0] - hidden[1]).mean(axis=1)
        )

    @abstractmethod
    def _learn_code(self, inputs: Tensor) -> None:
        """Learn how to find the latent code of a vector."""

    @abstractmethod
    def _code(self, vectors: GraphValue) -> GraphValue:
        """Write the way from vectors [batch, width] to their codes [batch, latent]."""

    @abstractmethod
    def _found(self, inputs: Tensor) -> Tensor:
        """Find the codes with torch."""


class AnoGan(Adversarial):
    """The code is searched by gradient steps from the middle of the latent space, in the graph."""

    name = "anogan"
    summary = "GAN: what the generator misses after searching its latent code, by gradient steps in the graph"

    def _learn_code(self, inputs: Tensor) -> None:
        self._search = Search.tuned(self._pair, inputs[:256], DISCRIMINATION)
        self._notes["search"] = f"{self._search.steps} steps of {self._search.rate:g}"

    def _code(self, vectors: GraphValue) -> GraphValue:
        return self._search.write(vectors)

    def _found(self, inputs: Tensor) -> Tensor:
        return self._search.run(inputs)


class FAnoGan(Adversarial):
    """The code comes from an encoder, trained on the residual and the discriminator's features."""

    name = "fanogan"
    summary = "GAN with a trained encoder: what the generator misses of the window"

    def _learn_code(self, inputs: Tensor) -> None:
        width = inputs.shape[1]
        self._encoder = nn.Sequential(
            nn.Linear(width, self._hidden), nn.Tanh(), nn.Linear(self._hidden, self._latent)
        )
        history = train(
            self._encoder,
            inputs,
            self._loss,
            Training(self._epochs, self._batch),
            seed=self._context.seed,
            progress=self._context.progress,
        )
        self._notes["encoder"] = str(history)

    def _loss(self, batch: Tensor) -> Tensor:
        made = self._pair.generator(self._encoder(batch))
        residual = nn.functional.mse_loss(made, batch)
        apart = nn.functional.mse_loss(self._pair.hidden(made), self._pair.hidden(batch))
        return (1 - DISCRIMINATION) * residual + DISCRIMINATION * apart

    def _code(self, vectors: GraphValue) -> GraphValue:
        return torch_layers.write(self._encoder, vectors)

    def _found(self, inputs: Tensor) -> Tensor:
        return evaluate(self._encoder, inputs)
