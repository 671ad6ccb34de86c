"""Codes that let people into the page: made for whom the door lets change something, redeemed by the page."""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_runtime.core import DataError
from edge_runtime.door import Access, Asker, Method

VALID_S: Final = 600.0
"""Of a code. A judgement: from the terminal to the machine on foot."""
MOST: Final = 8
"""Codes that wait to be used; with one more the oldest is void."""
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without those that are taken for each other; eight of them have 39 bits, and the page lets ten wrong ones
a minute through."""
_SIGNS: Final = 8
_ROLES: Final = ("view", "operate")
_log: Final = logging.getLogger("edge_runtime")


@dataclass(frozen=True, slots=True)
class CodeParams:
    """Whom to let in."""

    role: str = "view"
    """`view`, or `operate` for who may also acknowledge, record, accept and the like."""


@dataclass(frozen=True, slots=True)
class RedeemParams:
    """What somebody typed."""

    code: str


@dataclass(frozen=True, slots=True)
class _Code:
    role: str
    made_by: str
    until_s: float


class PageCodes:
    """Codes that were made and not used. In memory: a restart voids them."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        """None was made yet; `clock_s` gives monotonic seconds."""
        self._clock_s, self._codes = clock_s, dict[str, _Code]()

    def make(self, params: CodeParams, asker: Asker) -> dict[str, object]:
        """A new one. Raises DataError for a role that there is not."""
        if params.role not in _ROLES:
            remedy = f"Say one of {', '.join(_ROLES)}"
            raise DataError("there is no such role", where="role", remedy=remedy)
        text = "".join(secrets.choice(_LETTERS) for _ in range(_SIGNS))
        self._codes[text] = _Code(params.role, str(asker), self._clock_s() + VALID_S)
        while len(self._codes) > MOST:
            del self._codes[next(iter(self._codes))]
        _log.warning("page: %s made a code for the role %s", asker, params.role)
        return {"code": f"{text[:4]}-{text[4:]}", "role": params.role, "valid_s": VALID_S}

    def redeem(self, params: RedeemParams, _asker: Asker) -> dict[str, object]:
        """What a code is good for; it is void then. Raises DataError for one that is none."""
        typed = "".join(char for char in params.code.upper() if char in _LETTERS)
        kept = None
        for text in list(self._codes):
            if self._codes[text].until_s <= self._clock_s():
                del self._codes[text]
            elif secrets.compare_digest(text, typed):
                kept = self._codes.pop(text)
        if kept is None:
            remedy = "Make another on the gateway: edge-runtime page code"
            raise DataError("this code was used, is too old, or never was one", remedy=remedy)
        return {"role": kept.role, "made_by": kept.made_by}


def page_methods(codes: PageCodes) -> list[Method]:
    """What can be asked through the door."""
    make = "Make a code that lets one person into the page, once."
    redeem = "Say what a code for the page is good for, and make it void."
    return [
        Method("page.code", Access.CHANGE, make, CodeParams, codes.make),
        Method("page.redeem", Access.CHANGE, redeem, RedeemParams, codes.redeem),
    ]
