"""Recurrent autoencoders and forecasters, LSTM and GRU.

Each time step is a patch of neighbouring samples, so that a window has at most 32 steps: a recurrent network
neither remembers nor learns well over a thousand. Residuals of short windows are whitened by their
covariance: P. Malhotra et al., "Long short term memory networks for anomaly detection in time series", ESANN
2015, and "LSTM-based encoder-decoder for multi-sensor anomaly detection", arXiv 1607.00148.
"""

from typing import ClassVar, Final

import numpy as np
import torch
from torch import Tensor, nn

from trainer.core import ChoiceError
from trainer.detectors.building_blocks import recurrent_layers, torch_layers
from trainer.detectors.building_blocks.network_reconstruction import NetworkReconstruction
from trainer.detectors.building_blocks.training import Training, autoencoder, evaluate
from trainer.detectors.building_blocks.vectors import Floats
from trainer.graphs import GraphValue

STEPS: Final = 32
"""Most steps of a window: balances how long the network has to remember with the size of a patch."""


class Autoencoder(nn.Module):
    """The encoder's last hidden state, repeated for every step and decoded."""

    def __init__(self, layer: type[nn.LSTM | nn.GRU], step: int, hidden: int) -> None:
        super().__init__()
        self.encoder = layer(step, hidden, batch_first=True)
        self.decoder = layer(hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, step)

    def forward(self, steps: Tensor) -> Tensor:
        """Reconstruct sequences [n, steps, step]."""
        states, _ = self.encoder(steps)
        repeated = states[:, -1:].expand(-1, steps.shape[1], -1)
        decoded: Tensor = self.head(self.decoder(repeated)[0])
        return decoded

    def write(self, steps: GraphValue, count: int) -> GraphValue:
        """Add the network to a graph, for `count` steps [steps, batch, step]: the same shape."""
        _, last = recurrent_layers.write(self.encoder, steps)
        states, _ = recurrent_layers.write(self.decoder, last * np.ones((count, 1, 1)))
        return torch_layers.write([self.head], states)


class Forecaster(nn.Module):
    """Each step predicted from those before it; the first is copied."""

    def __init__(self, layer: type[nn.LSTM | nn.GRU], step: int, hidden: int) -> None:
        super().__init__()
        self.reader = layer(step, hidden, batch_first=True)
        self.head = nn.Linear(hidden, step)

    def forward(self, steps: Tensor) -> Tensor:
        """Predict sequences [n, steps, step]."""
        states, _ = self.reader(steps[:, :-1])
        return torch.cat([steps[:, :1], self.head(states)], dim=1)

    def write(self, steps: GraphValue, _count: int) -> GraphValue:
        """Add the network to a graph, for steps [steps, batch, step]: the same shape."""
        states, _ = recurrent_layers.write(self.reader, steps.part(0, -1, axis=0))
        first = steps.part(0, 1, axis=0)
        return steps.builder.concat(first, torch_layers.write([self.head], states), axis=0)


class Recurrent(NetworkReconstruction):
    """Base: windows as sequences of patches, reconstructed by a network."""

    layer: ClassVar[type[nn.LSTM | nn.GRU]]
    network: ClassVar[type[Autoencoder | Forecaster]]
    whitens = True

    def __init__(
        self,
        front_end: str = "",
        *,
        hidden: int = 64,
        patch: int = 0,
        epochs: int = 30,
        batch: int = 64,
        learning_rate: float = 3e-3,
        patience: int = 5,
    ) -> None:
        """`patch` is the number of samples in a step; 0 for the fewest that give at most 32 steps."""
        super().__init__(front_end)
        if hidden < 1 or patch < 0:
            raise ChoiceError(
                f"{self.name} cannot have {hidden} hidden units and patches of {patch}",
                remedy="Give at least one hidden unit, and 0 or more samples a patch",
            )
        self._hidden = hidden
        self._patch = patch
        self._training = Training(epochs, batch, learning_rate, patience)

    def needs(self, width: int) -> int:
        """Half a batch of the default size."""
        return 32 if width else 0

    def _learn(self, vectors: Floats) -> None:
        self._step = 1  # values in a step: one feature, or the samples of a patch in all channels
        if self._front.waveform:
            least = self._patch or -(-self._samples // STEPS)
            patch = next(size for size in range(least, self._samples + 1) if self._samples % size == 0)
            self._step = patch * (vectors.shape[1] // self._samples)
        inputs = torch.from_numpy(vectors).float().reshape(len(vectors), -1, self._step)
        self._network, history = autoencoder(
            lambda: self.network(self.layer, self._step, self._hidden), inputs, self._training, self._context
        )
        self._learn_residuals(vectors)
        self._notes |= {"steps": f"{inputs.shape[1]} of {self._step} values", "training": str(history)}

    def _rebuild(self, vectors: GraphValue) -> GraphValue:
        steps = vectors.reshape(0, -1, self._step).transpose(1, 0, 2)
        count = self._width() // self._step
        return self._network.write(steps, count).transpose(1, 0, 2).reshape(0, -1)

    def _rebuilt(self, vectors: Floats) -> Floats:
        inputs = torch.from_numpy(vectors).float().reshape(len(vectors), -1, self._step)
        return torch_layers.floats(evaluate(self._network, inputs)).reshape(vectors.shape)


class LstmAutoencoder(Recurrent):
    """LSTM encoder and decoder."""

    name = "lstm_autoencoder"
    summary = "LSTM: the last hidden state repeated and decoded; mean square of what it cannot rebuild"
    layer: ClassVar[type[nn.LSTM | nn.GRU]] = nn.LSTM
    network: ClassVar[type[Autoencoder | Forecaster]] = Autoencoder


class GruAutoencoder(LstmAutoencoder):
    """GRU encoder and decoder."""

    name = "gru_autoencoder"
    summary = "GRU: the last hidden state repeated and decoded; mean square of what it cannot rebuild"
    layer = nn.GRU


class LstmForecaster(Recurrent):
    """LSTM that predicts the next step."""

    name = "lstm_forecaster"
    summary = "LSTM: mean square error of the next sample, or patch of samples, predicted from those before"
    layer: ClassVar[type[nn.LSTM | nn.GRU]] = nn.LSTM
    network: ClassVar[type[Autoencoder | Forecaster]] = Forecaster
    least_samples = 2  # one to predict from and one to predict


class GruForecaster(LstmForecaster):
    """GRU that predicts the next step."""

    name = "gru_forecaster"
    summary = "GRU: mean square error of the next sample, or patch of samples, predicted from those before"
    layer = nn.GRU
