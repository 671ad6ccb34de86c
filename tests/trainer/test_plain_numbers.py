"""Plain decimals by arithmetic, against Python's own reading of each cell."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainer.formats.text.plain import PlainNumbers, pieces

PLAIN = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")


def naive(text: str, columns: list[int]) -> list[list[float]] | None:
    """Cells as numbers; None where a line has another width or a wanted cell is no plain decimal."""
    rows = [line.split(",") for line in text.replace(", ", ",").split("\n")[:-1]]
    if any(len(row) != 3 for row in rows):
        return None
    wanted = [[row[at] for at in columns] for row in rows]
    cells = [cell for row in wanted for cell in row]
    if not all(PLAIN.fullmatch(cell) and sum(map(str.isdigit, cell)) <= 15 for cell in cells):
        return None
    return [[float(cell) for cell in row] for row in wanted]


CELLS = st.one_of(
    st.from_regex(PLAIN, fullmatch=True).filter(str.isascii),
    st.floats(-1e6, 1e6).map("{:.6f}".format),
    st.integers(-(10**15), 10**15).map(str),
    st.text("0123456789.-+eE: x", max_size=6),
)
LINES = st.lists(st.lists(CELLS, min_size=3, max_size=3).map(",".join), min_size=1, max_size=4)


@given(LINES, st.sampled_from([[0, 1, 2], [2, 0, 1], [1], [2, 0]]))
@example(["1.5,-2.25,.5", "-0,7.,123456789.123456"], [0, 1, 2])
@example(["1.5,1 2,3", "1,2,3,4", "1,2"], [0])
@example(["0.1,x,1..2", "0.2,y,0.3"], [0])
def test_every_number_is_the_nearest_double_and_nothing_else_is_a_number(
    lines: list[str], columns: list[int]
) -> None:
    text = "".join(f"{line}\n" for line in lines)
    found, expected = PlainNumbers(",", ".", 3, columns).read(text.encode()), naive(text, columns)
    assert (found is None) == (expected is None)
    if found is not None:
        np.testing.assert_array_equal(found, np.array(expected))


@pytest.mark.parametrize("decimals", [0, 1, 3, 6, 9, 12])
def test_a_column_of_one_form_is_read_to_the_last_bit(decimals: int) -> None:
    values = np.random.default_rng(decimals).standard_normal((500, 2)) * 30
    text = "".join(f"{first:.{decimals}f};{second:.{decimals}f}\n" for first, second in values)
    found = PlainNumbers(";", ",", 2, [0, 1]).read(text.replace(".", ",").encode())
    np.testing.assert_array_equal(found, [[float(c) for c in line.split(";")] for line in text.splitlines()])


def test_pieces_are_whole_lines_of_all_the_text() -> None:
    text = b"".join(b"%d,1\n" % row for row in range(50_000))
    found = list(pieces(text))
    assert b"".join(found) == text
    assert len(found) > 2
    assert all(piece.endswith(b"\n") for piece in found)
