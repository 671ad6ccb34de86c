"""Codes that let people into the page, as the service keeps them."""

import pytest

from edge_runtime.core import DataError
from edge_runtime.door import Asker
from edge_runtime.gateway.page_methods import MOST, VALID_S, CodeParams, PageCodes, RedeemParams

ROOT = Asker("root", "socket", proven=True, may_change=True)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def made(codes: PageCodes, role: str = "view") -> str:
    return str(codes.make(CodeParams(role), ROOT)["code"])


def test_a_code_is_good_once_however_it_is_typed() -> None:
    codes = PageCodes()
    code = made(codes, "operate")
    assert codes.redeem(RedeemParams(f" {code.lower()} "), ROOT) == {"role": "operate", "made_by": str(ROOT)}
    with pytest.raises(DataError, match="was used"):
        codes.redeem(RedeemParams(code), ROOT)


def test_a_code_is_good_for_a_while() -> None:
    clock = Clock()
    codes = PageCodes(clock)
    early, late = made(codes), made(codes)
    clock.now_s = VALID_S - 1
    assert codes.redeem(RedeemParams(early), ROOT)["role"] == "view"
    clock.now_s = VALID_S
    with pytest.raises(DataError, match="too old"):
        codes.redeem(RedeemParams(late), ROOT)


def test_with_too_many_the_oldest_is_void() -> None:
    codes = PageCodes()
    first, *others = [made(codes) for _ in range(MOST + 1)]
    with pytest.raises(DataError):
        codes.redeem(RedeemParams(first), ROOT)
    assert {codes.redeem(RedeemParams(other), ROOT)["role"] for other in others} == {"view"}


@pytest.mark.parametrize("typed", ["", "-", "AAAA-AAAA", "\u0661" * 8, "\ud800", "A" * 500])
def test_what_is_no_code(typed: str) -> None:
    codes = PageCodes()
    made(codes)
    with pytest.raises(DataError, match="never was one"):
        codes.redeem(RedeemParams(typed), ROOT)


def test_a_role_that_there_is_not() -> None:
    with pytest.raises(DataError, match="no such role"):
        PageCodes().make(CodeParams("root"), ROOT)
