"""How somebody comes in, and goes: a code becomes a session, and the session a cookie: `Entering`."""

import logging
import time
from typing import Final

from starlette.responses import Response

from edge_runtime.core import DataError, printable
from edge_runtime.page.answers import answer, refusal
from edge_runtime.page.asking import Service
from edge_runtime.page.limits import RateLimit
from edge_runtime.page.sessions import Role, Sessions
from edge_runtime.page.visit import Visit

LONGEST_NAME: Final = 40
_A_MINUTE: Final = 10
"""Codes that may be tried, of all addresses: a person mistypes some, and 39 bits are not found so."""
_EVERYBODY: Final = ""
_log: Final = logging.getLogger("edge_runtime.page")


class Entering:
    """Who is in. The cookie is no script's (HttpOnly), and sent from this page alone (SameSite=Strict)."""

    def __init__(self, service: Service, session_s: float, *, tls: bool) -> None:
        """Codes are good for what this service says; with `tls` the cookie takes it, too."""
        self._service, self._sessions, self._tls = service, Sessions(session_s), tls
        self._session_s = session_s
        self._tries = RateLimit(_A_MINUTE / 60, _A_MINUTE)
        self.cookie = "__Host-steadyhum" if tls else "steadyhum"
        """Its name: browsers take the first only over TLS, for this host and from the root (RFC 6265bis)."""

    def visit_of(self, visit: Visit) -> Visit:
        """The visit with whose it is."""
        token = visit.request.cookies.get(self.cookie, "")
        return Visit(visit.request, self._sessions.find(token, time.monotonic()), token)

    def is_valid(self, visit: Visit, now_s: float) -> bool:
        """Whether the session of a visit goes on."""
        return self._sessions.find(visit.token, now_s) is not None

    async def enter(self, visit: Visit) -> Response:
        """Let in whoever has a code. Raises DataError for one that is none."""
        body = await visit.body()
        who, code = body.get("who"), body.get("code")
        if not (isinstance(who, str) and who.strip() and who.isprintable() and len(who) <= LONGEST_NAME):
            remedy = f"Give a name of at most {LONGEST_NAME} characters: it stands in the records"
            raise DataError("who you are is missing", remedy=remedy)
        if not isinstance(code, str):
            raise DataError("the code is missing", remedy="Make one on the gateway: edge-runtime page code")
        if not self._tries.take(_EVERYBODY, time.monotonic()):
            return refusal(429, "too many codes were tried", "Wait a minute, and try again")
        try:
            said = await self._service.ask("page.redeem", {"code": code[:40]})
        except DataError as error:
            _log.warning("%s from %s: %s", printable(who.strip(), LONGEST_NAME), visit.address, error.what)
            raise
        role = Role.OPERATE if said["role"] == "operate" else Role.VIEW
        name, made_by = who.strip(), said["made_by"]
        _log.warning("%s from %s may %s, by a code of %s", name, visit.address, role.name.lower(), made_by)
        token = self._sessions.begin(name, role, time.monotonic())
        response = answer({"who": name, "role": role.name.lower()})
        self._set(response, token, round(self._session_s))
        return response

    async def leave(self, visit: Visit) -> Response:
        """End a session."""
        self._sessions.end(visit.token)
        response = answer({})
        self._set(response, "", 0)
        return response

    def _set(self, response: Response, token: str, max_age_s: int) -> None:
        response.set_cookie(
            self.cookie, token, max_age_s, path="/", secure=self._tls, httponly=True, samesite="strict"
        )
