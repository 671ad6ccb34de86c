"""The pictures of a model's page as charts: scores over time, spectra, trends over recordings."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from trainer.evaluation import ByRecording, ScoredRecording
from trainer.recordings import NORMAL, Recording
from trainer.report.charts import Chart, Series, thinned
from trainer.report.drawing import BLUE, GREEN, GREY, ORANGE
from trainer.report.plots import course_title, density_label, spread_of
from trainer.report.trend import Origin, TrendPoint, trend_chart

_COLOURS: Final = {True: (BLUE, GREEN), False: (ORANGE, GREY, "#CC79A7")}
"""Of normal and of faulty recordings, one after the other."""


def courses_chart(watched: Sequence[ScoredRecording], threshold: float) -> Chart:
    """Scores of each recording over its own time; windows of all are equally far apart."""
    longest = max(watched, key=lambda item: len(item.times_us))
    x = longest.times_us / 1e6
    scores = [np.pad(item.scores, (0, len(x) - len(item.scores)), constant_values=np.nan) for item in watched]
    highest = np.fmax.reduce(scores)
    x, _, *scores = thinned(x, highest, *scores)
    taken = {True: 0, False: 0}
    series = []
    for item, values in zip(watched, scores, strict=True):
        normal = item.recording.label == NORMAL
        colours = _COLOURS[normal]
        colour = colours[taken[normal] % len(colours)]
        taken[normal] += 1
        series.append(Series(course_title(item.recording), colour, values, dashed=not normal))
    positive = bool(np.nanmin(scores) > 0)
    alarms = tuple(
        (time_us / 1e6, f"alarm, {item.recording.name}") for item in watched for time_us in item.alarms_us
    )
    return Chart("time, s", "score", x, tuple(series), logarithmic=positive, limit=threshold, marks=alarms)


def spectra_chart(recordings: Sequence[Recording]) -> Chart | None:
    """Medians of normal and faulty spectra, and the spread of normal ones."""
    normal, faulty = (spread_of(recordings, normal=which) for which in (True, False))
    if normal is None:
        return None
    frequency, low, middle, high = normal
    series = [
        Series(f"{NORMAL}, median", BLUE, middle),
        Series(f"{NORMAL}, 5 %", GREY, low, dashed=True),
        Series(f"{NORMAL}, 95 %", GREY, high, dashed=True),
    ]
    if faulty is not None:
        median = np.interp(frequency, faulty[0], faulty[2], right=np.nan)
        series.append(Series("faulty, median", ORANGE, median))
    label = density_label(recordings[0])
    return Chart("frequency, Hz", label, frequency, tuple(series), logarithmic=True)


def trend_charts(
    rows: Sequence[tuple[ByRecording, float, Origin]], threshold: float
) -> list[tuple[str, Chart]]:
    """Velocity and median score of each recording, in order of time, with what each shows."""
    points: tuple[list[TrendPoint], list[TrendPoint]] = ([], [])
    for row, velocity_mm_s, origin in rows:
        for at, value in zip(points, (row.median, velocity_mm_s), strict=True):
            at.append(TrendPoint(row.name, row.label, origin.recorded, value))
    scores = trend_chart(points[0], "median score", threshold)
    velocities = trend_chart(points[1], "velocity, mm/s RMS")
    said = (
        (
            "RMS velocity from 10 to 1000 Hz of the channel that vibrates most, a mark a recording.",
            velocities,
        ),
        ("Median score of each recording. The dashed line is the threshold.", scores),
    )
    return [(caption, chart) for caption, chart in said if chart is not None]
