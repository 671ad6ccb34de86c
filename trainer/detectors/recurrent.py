"""Recurrent autoencoders and forecasters, LSTM and GRU.

Long windows are read in patches of neighbouring samples, so that a window is at most 32 steps: a recurrent
network neither remembers nor learns well over a thousand. Residuals of short windows are weighed by their
covariance: Malhotra et al., "Long short term memory networks for anomaly detection", ESANN 2015, and
"LSTM-based encoder-decoder", arXiv 1607.00148.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Final

import numpy as np
import torch
from torch import Tensor, nn

from trainer.core import ChoiceError
from trainer.detectors.building_blocks import recurrent_layers, torch_layers
from trainer.detectors.building_blocks.reconstruction import ReconstructionDetector
from trainer.detectors.building_blocks.training import Training, autoencoder, evaluate
from trainer.detectors.building_blocks.vectors import Floats
from trainer.graphs import GraphValue

STEPS: Final = 32


class Recurrent(ReconstructionDetector):
    """Base: windows as steps of patches, rebuilt by a network."""

    layer: ClassVar[type[nn.LSTM | nn.GRU]]
    weighs = True

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
        """`patch` is how many samples make a step; 0 for as few as keep a window at 32 steps."""
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
        """Ask for half a batch at the least."""
        return 32 if width else 0

    def _learn(self, vectors: Floats) -> None:
        self._step = self._step_width(vectors.shape[1])
        inputs = torch.from_numpy(vectors).float().reshape(len(vectors), -1, self._step)
        self._network, history = autoencoder(
            lambda: self._build(self._step), inputs, self._training, self._context
        )
        self._weigh(vectors)
        self._notes |= {"steps": f"{inputs.shape[1]} of {self._step} values", "training": str(history)}

    def _rebuild(self, vectors: GraphValue) -> GraphValue:
        steps = vectors.reshape(0, -1, self._step).transpose(1, 0, 2)
        return self._write(self._network, steps).transpose(1, 0, 2).reshape(0, -1)

    def _rebuilt(self, vectors: Floats) -> Floats:
        inputs = torch.from_numpy(vectors).float().reshape(len(vectors), -1, self._step)
        return torch_layers.floats(evaluate(self._network, inputs)).reshape(vectors.shape)

    @abstractmethod
    def _build(self, step: int) -> nn.Module:
        """Make the network for steps of `step` values: [n, steps, step] to the same."""

    @abstractmethod
    def _write(self, trained: Any, steps: GraphValue) -> GraphValue:
        """Write the network for steps [steps, batch, step]."""

    def _step_width(self, width: int) -> int:
        if not self._front.waveform:
            return 1
        least = self._patch or -(-self._samples // STEPS)
        patch: int = next(size for size in range(least, self._samples + 1) if self._samples % size == 0)
        channels: int = width // self._samples
        return patch * channels


class Autoencoder(nn.Module):
    """The last hidden state, repeated for every step, decoded."""

    def __init__(self, layer: type[nn.LSTM | nn.GRU], step: int, hidden: int) -> None:
        super().__init__()
        self.encoder = layer(step, hidden, batch_first=True)
        self.decoder = layer(hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, step)

    def forward(self, steps: Tensor) -> Tensor:
        """Rebuild [n, steps, step]."""
        states, _ = self.encoder(steps)
        repeated = states[:, -1:].expand(-1, steps.shape[1], -1)
        decoded: Tensor = self.head(self.decoder(repeated)[0])
        return decoded


class Forecaster(nn.Module):
    """Each step foretold from those before it; the first is taken as it is."""

    def __init__(self, layer: type[nn.LSTM | nn.GRU], step: int, hidden: int) -> None:
        super().__init__()
        self.reader = layer(step, hidden, batch_first=True)
        self.head = nn.Linear(hidden, step)

    def forward(self, steps: Tensor) -> Tensor:
        """Foretell [n, steps, step]."""
        states, _ = self.reader(steps[:, :-1])
        return torch.cat([steps[:, :1], self.head(states)], dim=1)


class LstmAutoencoder(Recurrent):
    """LSTM encoder and decoder."""

    name = "lstm_autoencoder"
    summary = "LSTM: the last hidden state repeated and decoded; mean square of what it cannot rebuild"
    layer: ClassVar[type[nn.LSTM | nn.GRU]] = nn.LSTM

    def _build(self, step: int) -> nn.Module:
        return Autoencoder(self.layer, step, self._hidden)

    def _write(self, trained: Any, steps: GraphValue) -> GraphValue:
        _, last = recurrent_layers.write(trained.encoder, steps)
        count = self._width() // self._step
        states, _ = recurrent_layers.write(trained.decoder, last * np.ones((count, 1, 1)))
        return torch_layers.write([trained.head], states)


class GruAutoencoder(LstmAutoencoder):
    """GRU encoder and decoder."""

    name = "gru_autoencoder"
    summary = "GRU: the last hidden state repeated and decoded; mean square of what it cannot rebuild"
    layer = nn.GRU


class LstmForecaster(Recurrent):
    """LSTM that foretells the next step."""

    name = "lstm_forecaster"
    summary = "LSTM: mean square error of the next sample, or patch of samples, foretold from those before"
    layer: ClassVar[type[nn.LSTM | nn.GRU]] = nn.LSTM
    least_samples = 2

    def _build(self, step: int) -> nn.Module:
        return Forecaster(self.layer, step, self._hidden)

    def _write(self, trained: Any, steps: GraphValue) -> GraphValue:
        states, _ = recurrent_layers.write(trained.reader, steps.part(0, -1, axis=0))
        return steps.builder.concat(
            steps.part(0, 1, axis=0), torch_layers.write([trained.head], states), axis=0
        )


class GruForecaster(LstmForecaster):
    """GRU that foretells the next step."""

    name = "gru_forecaster"
    summary = "GRU: mean square error of the next sample, or patch of samples, foretold from those before"
    layer = nn.GRU
