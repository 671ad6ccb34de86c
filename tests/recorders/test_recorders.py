"""What npTDMS, pyuff and pandas write is read here, value for value."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.shared import ROOT
from tests.trainer.builders import row
from trainer.recordings.file_reading import read_row

PYTHON = ROOT / "build" / "recorders" / "bin" / "python"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("STEADYHUM_HEAVY") != "test-recorders" or not PYTHON.exists(),
        reason="installs npTDMS, pyuff and pandas: run `make test-recorders`",
    ),
]
FILES = {
    "waveform.tdms": 25600,
    "stamps.tdms": 1600,
    "single.uff": 25600,
    "double.uff": 25600,
    "bytes.uff": 25600,
    "frame.parquet": 1600,
    "index.parquet": 1600,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("recorders")
    subprocess.run([PYTHON, ROOT / "tests" / "recorders" / "write.py", made], check=True)
    return made


@pytest.mark.parametrize("name", FILES)
def test_values_rate_and_unit_are_theirs(folder: Path, name: str) -> None:
    values = np.load(folder / "values.npy")
    channels = ("x",) if name == "bytes.uff" else ("x", "y")
    (found,) = read_row(row(folder / name, channels=channels, rate_hz=None, unit="g"))
    assert found.rate_hz == FILES[name]
    np.testing.assert_allclose(found.samples, values[:, : len(channels)], rtol=1e-5, atol=1e-5)
