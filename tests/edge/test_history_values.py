"""Values of longer stretches, blocks of bytes, and looks at the vibration."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.analysis.diagnosis import indicators
from edge_runtime.core import DataError, Frame
from edge_runtime.gateway.history import values as columns
from edge_runtime.gateway.history.blocks import decode, encode
from edge_runtime.gateway.history.looks import EVERY_S, Look, Looks, values_of
from edge_runtime.gateway.history.values import merged
from tests.edge.history_pieces import PUMP
from tests.faults.history_driver import BEGIN


@given(st.lists(st.lists(st.floats(0.1, 100), min_size=1, max_size=8), min_size=1, max_size=6))
def test_values_of_parts_come_to_those_of_the_whole(parts: list[list[float]]) -> None:
    """As if all had been one minute, whichever way it was divided."""

    def minute(scores: list[float]) -> dict[str, float]:
        mean = sum(scores) / len(scores)
        squares = math.sqrt(sum(score**2 for score in scores) / len(scores))
        count = float(len(scores))
        found = {columns.WINDOWS: count, columns.LOOKS: count, columns.SECONDS: count}
        found |= {columns.SCORE_MIN: min(scores), columns.SCORE_MAX: max(scores), columns.SCORE_MEAN: mean}
        found |= {
            columns.RMS + "x": squares,
            columns.VELOCITY + "x": squares,
            columns.PEAK + "x": max(scores),
        }
        found |= {columns.CREST + "x": mean, columns.KURTOSIS + "x": mean, columns.USABLE: mean}
        return found | {columns.READING + "t": mean, columns.STATE + "on": count, columns.ERRORS: count}

    whole, made = minute([score for part in parts for score in part]), merged([*map(minute, parts)])
    assert made.keys() == whole.keys()
    assert all(made[column] == pytest.approx(whole[column], rel=1e-9) for column in whole)


@given(
    st.dictionaries(
        st.integers(0, 9),
        st.dictionaries(st.sampled_from("abcdef"), st.floats(-1e6, 1e6), min_size=1),
        min_size=1,
    )
)
def test_a_block_holds_what_was_put_into_it(table: dict[int, dict[str, float]]) -> None:
    names = sorted({column for row in table.values() for column in row})
    found = decode(encode(table, names), names)
    assert found.keys() == table.keys()
    for number, row in table.items():
        assert found[number].keys() == row.keys()
        assert all(found[number][name] == pytest.approx(row[name], rel=2**-14, abs=1e-37) for name in row)


def test_a_damaged_block_is_refused_and_nothing_is_made_up() -> None:
    """Each byte in turn; also one that is cut off, or would grow to more than any block has."""
    block = encode({3: {"a": 1.5, "b": 2.5}}, ["a", "b"])
    for place in range(len(block)):
        wrong = bytearray(block)
        wrong[place] ^= 0x40
        with pytest.raises(DataError):
            decode(bytes(wrong), ["a", "b"])
    for cut in (b"", block[:-1], block[:5]):
        with pytest.raises(DataError):
            decode(cut, ["a", "b"])
    with pytest.raises(DataError):
        decode(block, ["a", "b", "c"])


def frame(sequence: int, samples: np.ndarray[Any, Any], rate_hz: float, boot: int = 1) -> Frame:
    return Frame(1, boot, sequence, 0, rate_hz, 0.001, 0, samples)


def test_a_second_in_five_is_looked_at_and_none_with_a_gap() -> None:
    rate, size = 4000.0, 100
    looks, block = Looks(rate, 0.0), np.zeros((size, 1), np.int16)
    taken = [looks.take(frame(number, block, rate)) for number in range(round(20 * rate / size))]
    seconds = [sum(len(each.samples) for each in frames) / rate for frames in taken if frames]
    assert seconds == [1.0] * round(20 / EVERY_S)
    looks = Looks(rate, 0.0)
    for number in range(80):  # one frame is missing in each second
        assert looks.take(frame(number + number // 30, block, rate)) is None


def test_a_look_says_what_the_indicators_say() -> None:
    """A sine of 1 g rms at 159.155 Hz has a velocity of 9.80665 mm/s rms."""
    rate = 12800.0
    times = np.arange(int(rate)) / rate
    counts = np.round(1000 * math.sqrt(2) * np.sin(2 * np.pi * 159.155 * times)).astype(np.int16)[
        :, np.newaxis
    ]
    frames = tuple(frame(number, part, rate) for number, part in enumerate(np.split(counts, 128)))
    found = values_of(Look(PUMP, BEGIN, 0.0, rate, "g", ("x",), frames))
    said = indicators(counts[:, 0].astype(np.float64) * 0.001 * 9.80665, rate)
    assert found[columns.VELOCITY + "x"] == pytest.approx(9.80665, rel=0.01)
    assert found[columns.VELOCITY + "x"] == pytest.approx(said.velocity_mm_s)
    assert found[columns.RMS + "x"] == pytest.approx(said.rms)
    assert found[columns.CREST + "x"] == pytest.approx(math.sqrt(2), rel=0.01)
    other = values_of(Look(PUMP, BEGIN, 0.0, rate, "mV", ("x",), frames))
    assert set(other) == {columns.LOOKS, columns.CREST + "x", columns.KURTOSIS + "x"}
