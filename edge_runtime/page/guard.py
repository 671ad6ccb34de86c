"""Who may come in, decided before anything is done: `Guard`, the page as an ASGI application."""

import logging
import time
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from edge_runtime.core import EdgeError
from edge_runtime.page.answers import refusal, refusal_of
from edge_runtime.page.entries import Page
from edge_runtime.page.limits import RateLimit
from edge_runtime.page.sessions import Role
from edge_runtime.page.visit import MOST_BYTES, Visit

PER_S: Final = 20.0
"""Requests of one address, in the long run: the page asks once a second, and loads in some twenty."""
BURST: Final = 120.0
"""Of one address at once: several phones behind one router open the page."""
PER_S_OF_ALL: Final = 200.0
BURST_OF_ALL: Final = 600.0
_MOST_HEAD_BYTES: Final = 16 * 1024
_SITES: Final = ("same-origin", "none", "")
"""Of Sec-Fetch-Site (W3C Fetch Metadata): this page, a person who typed the address, a program."""
_log: Final = logging.getLogger("edge_runtime.page")


class Guard:
    """Refuses, in this order: too much, another host, another origin, what is not there, who may not."""

    def __init__(self, page: Page, scheme: str, hosts: tuple[str, ...]) -> None:
        """Let requests in that name one of `hosts`, and come from a page of it."""
        self._entering, self._scheme, self._hosts = page.entering, scheme, frozenset(hosts)
        self.entries = page.entries()
        """What there is."""
        self._table = {(entry.path, entry.method): entry for entry in self.entries}
        self._paths = {entry.path for entry in self.entries}
        self._of_one, self._of_all = RateLimit(PER_S, BURST), RateLimit(PER_S_OF_ALL, BURST_OF_ALL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        visit = Visit(Request(scope, receive), None, "")
        answered: ASGIApp
        try:
            answered = self._too_much(visit) or self._foreign(visit) or await self._let_in(visit)
        except EdgeError as error:
            answered = refusal_of(error)
        except Exception:  # noqa: BLE001  a fault of ours must not end the page
            _log.exception("%s failed", scope["path"])
            answered = refusal(500, "this is a fault of the page", "Report what its log says")
        await answered(scope, receive, send)

    def _too_much(self, visit: Visit) -> ASGIApp | None:
        now_s, headers = time.monotonic(), visit.request.headers
        if not (self._of_one.take(visit.address, now_s) and self._of_all.take("", now_s)):
            return refusal(429, "too much is asked of the page", "Wait some seconds")
        if sum(len(name) + len(value) for name, value in headers.raw) > _MOST_HEAD_BYTES:
            return refusal(431, "the request's head is too long", "Open the page again")
        length = headers.get("content-length", "0").lstrip("0")
        if len(length) > len(str(MOST_BYTES)) or int(length or "0") > MOST_BYTES:
            return refusal(413, f"more than {MOST_BYTES} bytes were sent", "Shorten what is said")
        return None

    def _foreign(self, visit: Visit) -> ASGIApp | None:
        headers, changes = visit.request.headers, visit.request.method != "GET"
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        if host not in self._hosts:
            return refusal(421, "the page is not known by this name", "Add it to `names` in [page]")
        own = all(origin.lower() == f"{self._scheme}://{host}" for origin in origins)
        if not own or (changes and not origins) or headers.get("sec-fetch-site", "") not in _SITES:
            return refusal(403, "this was asked from another page", "Open the page itself")
        if changes and headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return refusal(415, "this is no JSON", "Open the page again")
        return None

    async def _let_in(self, bare: Visit) -> ASGIApp:
        path, method = bare.request.url.path, bare.request.method
        entry = self._table.get((path, method))
        if entry is None:
            known = path in self._paths
            return refusal(405 if known else 404, "there is no such thing", "Open the page again")
        visit = self._entering.visit_of(bare)
        if entry.role > Role.ANYBODY and visit.session is None:
            return refusal(401, "you are not let in, or no longer", "Ask for a code: edge-runtime page code")
        if visit.session is not None and entry.role > visit.session.role:
            return refusal(403, "you may look and not change", "Ask for a code with --operate")
        return await entry.handle(visit)
