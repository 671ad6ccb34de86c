"""On which scale is the score of one more condition bounded best? `python -m tests.edge.bound_scales`.

Draws of what conditions score, chi-squares and lognormals; printed for each scale is how many of 100 further
conditions stay below Student's prediction bound, and how many times their median it lies at.
"""

from typing import Any

import numpy as np
from scipy import stats

from edge_runtime.calibration import spreads

SCALES: dict[str, Any] = {
    "logarithm": (np.log, np.exp, 0.95),
    "cube root": (np.cbrt, lambda bound: np.maximum(bound, 0) ** 3, 0.95),
    "cube root, quantile of 96 %": (np.cbrt, lambda bound: np.maximum(bound, 0) ** 3, 0.96),
    "square root": (np.sqrt, lambda bound: np.maximum(bound, 0) ** 2, 0.95),
    "as they are": (np.asarray, np.asarray, 0.95),
}
"""How to get there and back, and which quantile is taken."""
DRAWS = 40_000


def main() -> None:
    """Print a line for each distribution and number of conditions."""
    rng = np.random.default_rng(0)
    kinds: dict[str, Any] = {f"chi-square of {freedom}": stats.chi2(freedom) for freedom in (1, 2, 5, 10)}
    kinds |= {f"lognormal of {spread}": stats.lognorm(spread) for spread in (0.2, 0.5, 1.0)}
    for name, kind in kinds.items():
        for count in (2, 3, 4, 8):
            seen = kind.rvs((DRAWS, count + 1), random_state=rng)
            said = []
            for scale, (of, back, sure) in SCALES.items():
                values = of(seen[:, :count])
                bound = back(values.mean(axis=1) + spreads(count, sure) * values.std(axis=1, ddof=1))
                kept, far = np.mean(seen[:, count] <= bound), np.median(bound) / kind.median()
                said.append(f"{scale} {kept:.1%} at {far:.3g}")
            print(f"{name}, {count} conditions: {', '.join(said)}")


if __name__ == "__main__":
    main()
