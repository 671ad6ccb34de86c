"""AnoGAN and f-AnoGAN: how well can a generator of normal windows produce this one?

Sources: T. Schlegl et al., "Unsupervised anomaly detection with generative adversarial networks to guide
marker discovery", IPMI 2017, and "f-AnoGAN", Medical Image Analysis 54 (2019). AnoGAN's search for the latent
code runs inside the graph, with the gradient written out; export fails unless torch's autograd finds the same
code.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Final, Protocol

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
"""Weight of the discriminator's features in the score, AnoGAN's lambda; the residual has the rest."""


class Inversion(Protocol):
    """A way from vectors to their latent codes, in torch and in a graph."""

    def run(self, inputs: Tensor) -> Tensor:
        """Return the codes [n, latent] of inputs [n, width]."""

    def write(self, vectors: GraphValue) -> GraphValue:
        """Add the same to a graph: vectors [batch, width] to codes [batch, latent]."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A network that maps vectors to codes."""

    network: nn.Sequential

    def run(self, inputs: Tensor) -> Tensor:
        """Return the codes [n, latent] of inputs [n, width]."""
        return evaluate(self.network, inputs)

    def write(self, vectors: GraphValue) -> GraphValue:
        """Add the network to a graph: vectors [batch, width] to codes [batch, latent]."""
        return torch_layers.write(self.network, vectors)


class Adversarial(VectorDetector):
    """Base: a trained generator and discriminator, and the score of the vector generated for a window."""

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
        """One batch of the default size."""
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
            self._inversion = self._learn_inversion(inputs)

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        generated = torch_layers.write(self._pair.generator, self._inversion.write(vectors))
        residual = (vectors - generated) * (vectors - generated)
        features = [torch_layers.write(self._pair.hidden, value) for value in (vectors, generated)]
        difference = features[0] - features[1]
        score = residual.mean() * (1 - DISCRIMINATION) + (difference * difference).mean() * DISCRIMINATION
        return score, None

    def _judge(self, vectors: Floats) -> Floats:
        inputs = torch.from_numpy(vectors).float()
        generated = evaluate(self._pair.generator, self._inversion.run(inputs))
        hidden = [torch_layers.floats(evaluate(self._pair.hidden, value)) for value in (inputs, generated)]
        residual = np.square(torch_layers.floats(inputs) - torch_layers.floats(generated)).mean(axis=1)
        return np.asarray(
            (1 - DISCRIMINATION) * residual + DISCRIMINATION * np.square(hidden[0] - hidden[1]).mean(axis=1)
        )

    @abstractmethod
    def _learn_inversion(self, inputs: Tensor) -> Inversion:
        """Learn how to find the latent codes of normal vectors [n, width]."""


class AnoGan(Adversarial):
    """The code is searched by gradient descent from the origin of the latent space, in the graph."""

    name = "anogan"
    summary = "GAN: what the generator misses after searching its latent code, by gradient steps in the graph"

    def _learn_inversion(self, inputs: Tensor) -> Inversion:
        # The step size is settled by a few windows; a search over all of them would take most of the fit.
        search = Search.tuned(self._pair, inputs[:256], DISCRIMINATION)
        self._notes["search"] = f"{search.steps} steps of {search.rate:g}"
        return search


class FAnoGan(Adversarial):
    """The code comes from an encoder, trained on the residual and the discriminator's features (izi_f)."""

    name = "fanogan"
    summary = "GAN with a trained encoder: what the generator misses of the window"

    def _learn_inversion(self, inputs: Tensor) -> Inversion:
        network = nn.Sequential(
            nn.Linear(inputs.shape[1], self._hidden), nn.Tanh(), nn.Linear(self._hidden, self._latent)
        )

        def loss(batch: Tensor) -> Tensor:
            generated = self._pair.generator(network(batch))
            residual = nn.functional.mse_loss(generated, batch)
            features = nn.functional.mse_loss(self._pair.hidden(generated), self._pair.hidden(batch))
            return (1 - DISCRIMINATION) * residual + DISCRIMINATION * features

        history = train(
            network,
            inputs,
            loss,
            Training(self._epochs, self._batch),
            seed=self._context.seed,
            progress=self._context.progress,
        )
        self._notes["encoder"] = str(history)
        return Encoder(network)
