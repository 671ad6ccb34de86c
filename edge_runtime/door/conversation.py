"""What is made of a client's lines: `Conversation`. Used by the door's thread.

`hello` and `subscribe` are answered here; all else is work for the service's thread.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge_runtime.core import EdgeError, printable
from edge_runtime.door.clients import ClientConnection
from edge_runtime.door.peers import group_id, overflow_uid
from edge_runtime.door.protocol import (
    MAX_ANSWER_BYTES,
    VERSIONS,
    Code,
    Request,
    RequestError,
    encode_error,
    encode_result,
    parse_request,
)
from edge_runtime.door.registry import Asker, read_params
from edge_runtime.door.settings import DoorSettings
from edge_runtime.door.subscriptions import Feed, SubscribeParams
from edge_runtime.door.work import Work, WorkQueue

LINES_A_TURN: Final = 16
"""Of one client; then the others have theirs."""
_MAX_VERSIONS: Final = 16
"""Of the protocol that a client may offer. A judgement: there is one; a list that is longer is no offer."""
MAX_SUBSCRIPTIONS: Final = 64
"""Of one client: a sensor each of a large gateway."""


@dataclass(frozen=True, slots=True)
class HelloParams:
    """Who asks."""

    name: str = ""
    """What the asker calls itself; counts where the kernel does not say who it is."""


class Conversation:
    """The same for every client of a door."""

    def __init__(
        self,
        work: WorkQueue,
        feed: Feed,
        about: Callable[[], Mapping[str, object]],
        settings: DoorSettings,
    ) -> None:
        """`about` says what this service is."""
        self._work, self._feed, self._about = work, feed, about
        self.settle: Callable[[Work], None] = lambda _work: None
        """Called with what the service's thread has done, on that thread."""
        self._overflow = overflow_uid()
        try:
            self._group = group_id(settings.group)
        except KeyError:  # it was removed meanwhile: root and the service's user may still change something
            self._group = -1

    def go_on(self, client: ClientConnection, now_s: float, counts: Counter[str]) -> bool:
        """Answer the lines that have arrived, or hand them to the service; True where more of them wait for
        their turn."""
        for _ in range(LINES_A_TURN):
            try:
                line = client.next_line(now_s)
            except RequestError as error:
                counts["refused"] += 1
                client.close_after(encode_error(None, error))
                return False
            if line is None:
                return False
            counts["requests"] += 1
            request_id = None
            try:
                request = parse_request(line)
                request_id = request.id
                self._begin(client, request)
            except EdgeError as error:
                counts["refused"] += 1
                known = error.request_id if isinstance(error, RequestError) else None
                client.say(encode_error(request_id if known is None else known, error))
            client.write(now_s)
        return True

    def give_up(self, before_s: float) -> None:
        """Refuse what was asked before this monotonic time and not begun."""
        self._work.give_up(before_s)

    def answer(self, client: ClientConnection, work: Work) -> None:
        """Say what came of what the service was asked."""
        client.work = None
        result, error = work.answer or (None, None)
        if error is not None:
            client.say(encode_error(client.request_id, error))
            return
        try:
            line = encode_result(client.request_id, result)
        except ValueError as fault:
            what = f"the answer to {work.method} cannot be written ({printable(fault)})"
            client.say(encode_error(client.request_id, RequestError(Code.INTERNAL, what, "Report it")))
            return
        if len(line) > MAX_ANSWER_BYTES:
            what = f"the answer to {work.method} has {len(line)} bytes"
            line = encode_error(client.request_id, RequestError(Code.REFUSED, what, "Ask for less of it"))
        client.say(line)

    def _begin(self, client: ClientConnection, request: Request) -> None:
        if request.method == "hello":
            client.say(encode_result(request.id, self._hello(client, request.params)))
        elif request.method == "subscribe":
            params = read_params(SubscribeParams, request.params)
            self._feed.check(params)
            if len(client.subscriptions) >= MAX_SUBSCRIPTIONS or (params.raw and client.subscriptions):
                remedy = "Use a connection of its own for it"
                raise RequestError(Code.REFUSED, "this connection has other subscriptions", remedy)
            client.subscriptions.add((params.to, params.sensor))
            # Before it is answered: nothing is missed after that.
            self._feed.want_also(params.to, params.sensor)
            client.say(encode_result(request.id, {"subscribed": params.to, "raw": params.raw}))
            client.raw = params.raw
        else:
            client.request_id = request.id
            client.work = Work(request.method, dict(request.params), self._asker(client), self.settle)
            self._work.put(client.work)

    def _asker(self, client: ClientConnection) -> Asker:
        return client.peer.asker(client.stated_name, self._group, overflow=self._overflow)

    def _hello(self, client: ClientConnection, params: Mapping[str, Any]) -> dict[str, object]:
        versions = params.get("versions", list(VERSIONS))
        if not isinstance(versions, list) or len(versions) > _MAX_VERSIONS:
            raise RequestError(Code.BAD_PARAMS, "versions must be a list of numbers", "Send [1]")
        common = [version for version in VERSIONS if version in versions]
        if not common:
            what = f"none of the versions {printable(versions, 60)} is spoken here"
            raise RequestError(Code.VERSION, what, f"Speak one of {', '.join(map(str, VERSIONS))}")
        rest = {name: value for name, value in params.items() if name != "versions"}
        hello = read_params(HelloParams, rest)
        client.stated_name = hello.name
        asker = self._asker(client)
        methods = [
            {"name": method.name, "access": method.access, "about": method.about, "mqtt": method.mqtt}
            for method in self._work.registry.methods
        ]
        return {
            "version": common[-1],
            "you": {"name": asker.name, "proven": asker.proven, "may_change": asker.may_change},
            **self._about(),
            "methods": methods,
        }
