"""Transforms against scipy, in the graph as in double precision, and the choice by normality."""

from typing import Any

import numpy as np
import pytest
import scipy.stats

from trainer.core.errors import ChoiceError, FitError
from trainer.graphs import transforms
from trainer.graphs.builder import GraphBuilder
from trainer.graphs.running import run_graph


def skewed(count: int = 500) -> Any:
    """Log-normal, chi-square, cubed and plain Gaussian columns."""
    random = np.random.default_rng(0)
    plain = random.standard_normal((count, 4))
    return np.column_stack([np.exp(plain[:, 0]), plain[:, 1] ** 2, plain[:, 2] ** 3, 5 + plain[:, 3]]).astype(
        np.float32
    )


def applied(made: Any, rows: Any) -> Any:
    builder = GraphBuilder(1, rows.shape[1])
    return run_graph(builder, made.write(builder.window.reshape(0, -1)), rows.shape[1], rows[:, np.newaxis])


@pytest.mark.parametrize(
    ("kind", "truth"), [("none", lambda x: x), ("cbrt", np.cbrt), ("log", np.log), ("sqrt", np.sqrt)]
)
def test_plain_transforms_are_numpys(kind: str, truth: Any) -> None:
    rows = skewed()
    rows = rows if kind in {"none", "cbrt"} else np.abs(rows) + np.float32(0.01)
    seen = applied(transforms.fit_transform(kind, rows, tuple("abcd")), rows)
    assert np.allclose(seen, truth(rows.astype(np.float64)), rtol=2e-6, atol=2e-6)


def test_yeo_johnson_is_scipys_on_standardised_features() -> None:
    rows = skewed()
    made = transforms.fit_transform("yeo-johnson", rows, tuple("abcd"))
    exact = rows.astype(np.float64)
    scaled = (exact - exact.mean(axis=0)) / exact.std(axis=0)
    truth = np.column_stack([scipy.stats.yeojohnson(scaled[:, c], made.exponents[c]) for c in range(4)])
    assert np.allclose(applied(made, rows), truth, rtol=2e-5, atol=2e-5)


def test_the_choice_makes_every_feature_more_gaussian() -> None:
    rows = skewed()
    made = transforms.fit_transform("auto", rows, tuple("abcd"))
    assert made.kinds[0] == "log"
    assert made.kinds[2] == "cbrt"
    before, after = (
        scipy.stats.skew(values.astype(np.float64), axis=0) for values in (rows, applied(made, rows))
    )
    assert (np.abs(after) <= np.abs(before) + 0.05).all()


@pytest.mark.parametrize("kind", ["log", "sqrt", "cbrt", "yeo-johnson"])
def test_what_was_never_seen_stays_finite(kind: str) -> None:
    rows = np.abs(skewed()) + np.float32(0.01)
    made = transforms.fit_transform(kind, rows, tuple("abcd"))
    extreme = np.array([[-1e12] * 4, [0] * 4, [1e12] * 4], dtype=np.float32)
    assert np.isfinite(applied(made, extreme)).all()


def test_a_logarithm_of_what_may_be_negative_is_refused() -> None:
    with pytest.raises(FitError, match=r"feature 'c' has values down to .* no log of that"):
        transforms.fit_transform("log", skewed(), tuple("abcd"))


def test_an_unknown_transform_names_the_nearest() -> None:
    with pytest.raises(ChoiceError, match="Did you mean 'sqrt'"):
        transforms.fit_transform("sqr", skewed(), tuple("abcd"))
