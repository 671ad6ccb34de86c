"""Machines beside each other: which are alike, and which is unlike its peers.

A machine alone has no measure of what is usual; twenty of one kind have. Nothing here needs a label. Each is
outlined by its level in bands of a third of an octave or so, dB; location and scale over peers are medians
(Hampel, "The influence curve and its role in robust estimation", 1974), so that one machine that is not well
does not hide itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.recordings import NORMAL, Recording, cut_windows, welch

_BANDS: Final = 20
"""Of each channel, evenly over the logarithm of frequency: thirds of an octave over seven octaves."""
_OCTAVES: Final = 7.0
_WINDOW: Final = 4096
"""Samples of a spectrum; shorter recordings have one of their length."""
_SPECTRA: Final = 64
"""Of each recording, evenly over its time: their mean is that of all within half a dB."""
_FLOOR_DB: Final = -200.0
"""Below what any sensor resolves."""
FEWEST: Final = 5
"""Peers, itself included, of which one can be unlike the others. A judgement: the median of four is easily
moved by one."""
_SPREAD_DB: Final = 1.5
"""Machines of a kind differ by so much at least: mounting alone makes a dB or two."""
_UNLIKE: Final = 4.0
"""Root mean square of the deviations, in robust standard deviations, from which a machine is unlike its
peers. A judgement, as are the two: a machine that is one of them has 1."""
_ALIKE_DB: Final = 1.5
"""Root mean square of what two outlines differ by, up to which machines are alike."""
_NAMED: Final = 3
_BLOCK: Final = 1024
"""Machines compared with all others at a time: 10,000 make blocks of 80 MB."""

Outlines = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a machine stands among its peers."""

    peers: int
    """How many there are beside it."""
    distance: float
    """Root mean square deviation from their medians, in robust standard deviations; NaN of too few."""
    unlike: bool
    differs: tuple[str, ...]
    """The bands that differ most, and by how much; of one that is unlike its peers only."""
    alike: tuple[str, ...]
    """The machines that it is alike, most alike first; a few."""


def outline(recordings: Sequence[Recording]) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Levels of normal vibration, dB over 1 of its unit squared, a value a channel and band; and the bands'
    names.

    A mean over conditions, so that each counts as much as any other.
    """
    normal = [item for item in recordings if item.label == NORMAL]
    first = normal[0]
    length = min(_WINDOW, *(len(item.stored) for item in normal))
    edges = first.rate_hz / 2 * 2.0 ** np.linspace(-_OCTAVES, 0, _BANDS + 1)
    powers: dict[str, list[NDArray[np.float64]]] = {}
    for item in normal:
        powers.setdefault(item.condition, []).append(band_powers(item, length, edges))
    means = [np.mean(own, axis=0) for own in powers.values()]
    levels = np.mean([10 * np.log10(np.maximum(each, 10 ** (_FLOOR_DB / 10))) for each in means], axis=0)
    names = [
        f"{channel} {low:.3g} to {high:.3g} Hz" for channel in first.channels for low, high in pairwise(edges)
    ]
    return tuple(round(float(level), 3) for level in levels.ravel()), tuple(names)


def band_powers(item: Recording, length: int, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean power of each channel in each band, [channels, bands]."""
    windows = cut_windows(item, length, max(1, length // 2))
    drawn = windows[np.unique(np.linspace(0, len(windows) - 1, _SPECTRA).round().astype(int))]
    found = []
    for channel in range(len(item.channels)):
        spectra = [welch(window[:, channel].astype(np.float64), item.rate_hz, length) for window in drawn]
        hertz, density = spectra[0][0], np.mean([power for _, power in spectra], axis=0)
        sums = np.concatenate([[0.0], np.cumsum(density * (hertz[1] if len(hertz) > 1 else 1.0))])
        places = np.searchsorted(hertz, edges, side="right")
        found.append(np.maximum(np.diff(sums[places]), 0.0))
    return np.array(found)


def standings(
    groups: Mapping[str, Sequence[str]],
    outlines: Mapping[str, Sequence[float]],
    bands: Mapping[str, Sequence[str]],
) -> dict[str, Standing]:
    """Compare machines within groups of names; `outlines` and names of `bands` are by machine."""
    found: dict[str, Standing] = {}
    for names in groups.values():
        levels = np.array([outlines[name] for name in names], dtype=np.float64)
        middle = np.median(levels, axis=0)
        spread = np.maximum(1.4826 * np.median(np.abs(levels - middle), axis=0), _SPREAD_DB)
        far = (levels - middle) / spread
        distances = np.sqrt(np.mean(np.square(far), axis=1))
        enough = len(names) >= FEWEST
        for at, (name, alike) in enumerate(zip(names, alike_machines(names, levels), strict=True)):
            unlike = bool(enough and distances[at] > _UNLIKE)
            worst = np.argsort(-np.abs(far[at]))[: _NAMED if unlike else 0].tolist()
            differs = tuple(
                f"{bands[name][band]}: {levels[at, band] - middle[band]:+.1f} dB" for band in worst
            )
            distance = float(distances[at]) if enough else float("nan")
            found[name] = Standing(len(names) - 1, distance, unlike, differs, alike)
    return found


def alike_machines(names: Sequence[str], levels: Outlines) -> Iterator[tuple[str, ...]]:
    """Of each machine the names of those that it is alike."""
    squares = np.square(levels).sum(axis=1)
    for start in range(0, len(levels), _BLOCK):
        block = levels[start : start + _BLOCK]
        apart = squares[start : start + _BLOCK, np.newaxis] + squares - 2 * block @ levels.T
        for at, row in enumerate(np.sqrt(np.maximum(apart, 0.0) / max(1, levels.shape[1]))):
            row[start + at] = np.inf
            nearest = np.argsort(row)[:_NAMED]
            yield tuple(names[place] for place in nearest if row[place] <= _ALIKE_DB)


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Names by group, from pairs of group and name."""
    found: dict[str, list[str]] = {}
    for group, name in pairs:
        found.setdefault(group, []).append(name)
    return found
