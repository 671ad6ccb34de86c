"""One request that the guard let through: `Visit`."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from edge_runtime.core import DataError, read_json
from edge_runtime.page.sessions import Session

MOST_BYTES: Final = 8 * 1024
"""Of a body: a note of 500 characters takes 2 kB."""
ARRIVES_S: Final = 10.0
"""For a body to come."""
LONGEST: Final = 500
"""Characters of what is asked, as of a parameter of the door."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks what."""

    request: Request
    session: Session | None
    """None for what anybody may."""
    token: str
    """What the browser holds; empty for nothing."""

    @property
    def who(self) -> str:
        """The name that they gave."""
        return self.session.who if self.session else ""

    @property
    def address(self) -> str:
        """Where they are."""
        return self.request.client.host if self.request.client else ""

    @property
    def query(self) -> dict[str, str]:
        """What follows the path."""
        return {name[:LONGEST]: value[:LONGEST] for name, value in self.request.query_params.items()}

    def asked(self, name: str) -> str:
        """One part of it. Raises DataError where it is missing."""
        if not (value := self.query.get(name)):
            raise DataError(f"{name} is missing", remedy="Open the page again")
        return value

    async def body(self) -> dict[str, Any]:
        """The body, a JSON object. Raises DataError for anything else, and for one that is too long."""
        arrived = bytearray()
        try:
            async with asyncio.timeout(ARRIVES_S):
                async for piece in self.request.stream():
                    arrived += piece
                    if len(arrived) > MOST_BYTES:
                        what = f"more than {MOST_BYTES} bytes were sent"
                        raise DataError(what, remedy="Shorten what is said")
            body = read_json(arrived.decode())
        except (TimeoutError, ClientDisconnect, ValueError, json.JSONDecodeError, RecursionError) as error:
            raise DataError("it is no JSON object", remedy="Open the page again") from error
        if not isinstance(body, dict):
            raise DataError("it is no JSON object", remedy="Open the page again")
        return body
