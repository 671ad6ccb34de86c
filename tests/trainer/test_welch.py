"""Spectra of the guards against SciPy's, which is not imported for them."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import signal

from tests.shared import ROOT
from trainer.recordings.power_density import welch


@pytest.mark.parametrize(
    ("count", "length"), [(1000, 256), (1001, 255), (96, 96), (97, 96), (5, 4), (3, 2), (2, 1), (1, 1)]
)
def test_power_density_is_scipys(count: int, length: int) -> None:
    values = 3.0 + np.random.default_rng(count).normal(size=count)
    frequency, power = welch(values, 12000.0, length)
    true_frequency, true_power = signal.welch(values, 12000.0, nperseg=length)
    np.testing.assert_allclose(frequency, true_frequency)
    np.testing.assert_allclose(power, true_power, rtol=1e-10, atol=1e-25)


def test_to_learn_and_to_judge_loads_neither_scipys_statistics_nor_its_signal() -> None:
    code = "import sys, trainer.comparison; print([n for n in sys.argv[1:] if n in sys.modules])"
    slow = ("scipy.stats", "scipy.signal", "sklearn", "torch", "matplotlib")
    said = subprocess.check_output([sys.executable, "-c", code, *slow], text=True, cwd=ROOT)
    assert said.strip() == "[]"
