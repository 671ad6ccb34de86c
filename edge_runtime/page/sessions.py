"""Who was let in: `Role`, `Session`, `Sessions`. Pure; times are monotonic seconds."""

import hashlib
import secrets
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

MOST: Final = 64
"""Sessions at a time: more people than stand before a gateway. With one more the oldest ends."""


class Role(IntEnum):
    """What somebody may do; the higher may what the lower may."""

    ANYBODY = 0
    """Nobody in particular: without a session."""
    VIEW = 1
    OPERATE = 2
    """Also change something."""


@dataclass(frozen=True, slots=True)
class Session:
    """One person's."""

    who: str
    """Name that they gave, for the records."""
    role: Role
    until_s: float


class Sessions:
    """Kept in memory, by the digest of what the browser holds."""

    def __init__(self, last_s: float) -> None:
        """Each lasts so many seconds."""
        self._last_s = last_s
        self._kept: dict[bytes, Session] = {}

    def begin(self, who: str, role: Role, now_s: float) -> str:
        """Let somebody in; returns what their browser is to hold."""
        token = secrets.token_urlsafe(32)
        self._kept = {key: kept for key, kept in self._kept.items() if kept.until_s > now_s}
        while len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[_digest(token)] = Session(who, role, now_s + self._last_s)
        return token

    def find(self, token: str, now_s: float) -> Session | None:
        """Whose this is; None for nobody's, and for one that is over."""
        session = self._kept.get(_digest(token)) if token else None
        return session if session is not None and session.until_s > now_s else None

    def end(self, token: str) -> None:
        """Let this browser in no more."""
        self._kept.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
