"""The two distributions that thresholds rest on, without scipy, so that a gateway can calibrate too.

Source: the continued fraction of the incomplete beta function, DLMF 8.17.22, by Lentz's method; binomial
and Student's t distributions from it by DLMF 8.17.24 and 8.17.25 (Abramowitz and Stegun 26.5.24, 26.7.1).
"""

import math
from collections.abc import Callable
from typing import Final

_STEPS: Final = 10_000
"""More terms than the fraction needs: some square root of the larger of a and b (Numerical Recipes, 6.4)."""
_EPSILON: Final = 1e-15
"""A few units in the last place of a double: further terms change nothing."""
_TINY: Final = 1e-300
"""Stands for a zero denominator in Lentz's method; its reciprocal is still finite."""


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), for a, b > 0 and any x; DLMF 8.17.22."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(1.0 - x, b, a)  # the fraction converges fast on the other side only
    # Lentz: numerators and denominators of the convergents as ratios, so that nothing overflows.
    value, c, d = 1.0, 1.0, 0.0
    for step in range(_STEPS):
        m, odd = divmod(step + 1, 2)
        if odd:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / ((1.0 + term * d) or _TINY)
        c = (1.0 + term / c) or _TINY
        value *= c * d
        if abs(c * d - 1.0) < _EPSILON:
            break
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) / (a * value)


def binomial_cdf(k: int, n: int, p: float) -> float:
    """Return the probability of at most `k` successes in `n` trials of probability `p`; DLMF 8.17.24."""
    if k < 0 or k >= n:
        return float(k >= n)
    return beta_cdf(1.0 - p, n - k, k + 1)


def t_quantile(p: float, freedom: float) -> float:
    """Return the value that Student's t of `freedom` degrees stays below with probability p; DLMF 8.17.25."""
    if p < 0.5:
        return -t_quantile(1.0 - p, freedom)
    # P(|T| > t) = I_x(freedom / 2, 1 / 2) with x = freedom / (freedom + t^2), falling in t.
    x = _root(lambda x: beta_cdf(x, freedom / 2, 0.5) - 2.0 * (1.0 - p))
    return math.sqrt(freedom * (1.0 - x) / x)


def beta_quantile(p: float, a: float, b: float) -> float:
    """Return the value that a beta variable stays below with probability p."""
    return _root(lambda x: beta_cdf(x, a, b) - p)


def _root(rising: Callable[[float], float]) -> float:
    # Bisection on a rising function over (0, 1), down to the last bit.
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return high
