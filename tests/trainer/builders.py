"""Small recordings and lists for the trainer's tests."""

import numpy as np
import scipy.io

from trainer.listing import COLUMNS, Row


def row(path, **changes):
    fields = {
        "file": path,
        "signals": (),
        "label": "normal",
        "condition": "0 hp",
        "rate_hz": 12000.0,
        "target_rate_hz": None,
        "lowpass_hz": None,
        "channels": ("DE",),
        "unit": "g",
    }
    return Row(**{**fields, **changes})


def noise(count=4096, channels=1, seed=0):
    return np.random.default_rng(seed).normal(size=(count, channels))


def mat(path, **variables):
    scipy.io.savemat(path, variables)
    return path


def write_lines(path, *lines):
    path.write_text("\n".join((",".join(COLUMNS), *lines)) + "\n")
    return path
