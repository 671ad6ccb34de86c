"""The door's own thread, which talks to the clients of its socket: `Server`.

It uses at most a fifth of the time while it is kept busy, whatever arrives.
"""

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from edge_runtime.door.admission import admit
from edge_runtime.door.clients import ClientConnection
from edge_runtime.door.conversation import Conversation
from edge_runtime.door.socket_file import SocketFile
from edge_runtime.door.subscriptions import Feed, line_of
from edge_runtime.door.work import PATIENCE_S, Work

_LOOK_S: Final = 1.0
"""Between looks for clients that are idle."""
_ACCEPTS: Final = 16
"""Connections taken in one turn."""
_REST_FACTOR: Final = 4.0
"""After a turn it rests so many times as long as that took: others have four fifths of the time."""
_SHORT_S: Final = 0.001
"""A turn of less is followed by no rest: a request by itself is answered at once."""
_LONGEST_REST_S: Final = 0.1
"""A judgement: a person does not notice it, and a client that is waiting does not give up."""
_LOG: Final = logging.getLogger("edge_runtime")


class Server:
    """Serves a socket from `start` to `stop`."""

    def __init__(
        self, file: SocketFile, conversation: Conversation, feed: Feed, counts: Counter[str]
    ) -> None:
        """`counts` goes on counting."""
        self._file, self._conversation, self._feed, self._counts = file, conversation, feed, counts
        conversation.settle = self._settle
        self.clients: dict[socket.socket, ClientConnection] = {}
        self._settled: list[Work] = []
        self._again: list[ClientConnection] = []
        self._quit = threading.Event()
        self._waker, self._wake = socket.socketpair()
        self._waker.setblocking(False)
        self._wake.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._selector.register(file.listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="door", daemon=True)

    @property
    def usable(self) -> bool:
        """Whether somebody can still come to it: its thread lives, and its socket is where it was."""
        return self._thread.is_alive() and self._file.in_place

    def start(self) -> None:
        """Start the thread."""
        self._feed.wake = self._wake_up
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and the socket."""
        self._quit.set()
        self._wake_up()
        self._thread.join()
        for client in list(self.clients.values()):
            self._drop(client)
        self._selector.close()
        self._feed.wake = lambda: None
        self._feed.want(frozenset())
        self._waker.close()
        self._wake.close()
        self._file.close()

    def _settle(self, work: Work) -> None:
        self._settled.append(work)
        self._wake_up()

    def _wake_up(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already; closed: it has ended
            self._waker.send(b"\0")

    def _run(self) -> None:
        looked_s = time.monotonic()
        while not self._quit.is_set():
            wait_s = _LOOK_S if self.clients else None
            ready = {key.fileobj: mask for key, mask in self._selector.select(wait_s)}
            begun_s, now_s = time.thread_time(), time.monotonic()
            try:
                self._turn(ready, now_s)
                if now_s - looked_s >= _LOOK_S:
                    looked_s = now_s
                    self._conversation.give_up(now_s - PATIENCE_S)
                    for client in list(self.clients.values()):
                        if client.overdue(now_s):
                            self._drop(client)
                        elif client.wants_write:
                            self._serve(client, 0, now_s)
                self._feed.want(frozenset().union(*(each.subscriptions for each in self.clients.values())))
            except Exception:  # noqa: BLE001  whatever it was, the clients that there are connect again
                _LOG.exception("a fault of the local door")
                for client in list(self.clients.values()):
                    self._drop(client)
            took_s = time.thread_time() - begun_s
            if took_s > _SHORT_S:
                self._quit.wait(min(_REST_FACTOR * took_s, _LONGEST_REST_S))

    def _turn(self, ready: Mapping[Any, int], now_s: float) -> None:
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                self._wake.recv(4096)
        if self._file.listener in ready:
            self._accept(self._file.listener, now_s)
        self._bring()
        settled, self._settled = self._settled, []
        for work in settled:
            for client in [each for each in self.clients.values() if each.work is work]:
                self._conversation.answer(client, work)
                self._serve(client, 0, now_s)
        again, self._again = self._again, []
        for client in {*again, *(each for each in self.clients.values() if each.socket in ready)}:
            if client.socket in self.clients:
                self._serve(client, ready.get(client.socket, 0), now_s)

    def _accept(self, listener: socket.socket, now_s: float) -> None:
        for _ in range(_ACCEPTS):
            try:
                client = admit(listener, self.clients.values(), now_s)
            except BlockingIOError:
                return
            except OSError:  # there are no more descriptors, say: it stays readable meanwhile
                self._quit.wait(_LONGEST_REST_S)
                return
            if client is None:
                self._counts["turned_away"] += 1
                continue
            self.clients[client.socket] = client
            self._selector.register(client.socket, selectors.EVENT_READ)

    def _serve(self, client: ClientConnection, ready: int, now_s: float) -> None:
        """Read, answer and write for one client as far as it goes without waiting."""
        try:
            if ready & selectors.EVENT_READ and client.listens:
                client.receive()
            client.write(now_s)
            if self._conversation.go_on(client, now_s, self._counts):
                self._again.append(client)
                self._wake_up()
            client.write(now_s)
        except OSError:
            self._drop(client)
            return
        if client.done and client not in self._again:
            self._drop(client)
            return
        mask = selectors.EVENT_READ if client.listens else 0
        mask |= selectors.EVENT_WRITE if client.wants_write else 0
        known = self._selector.get_map().get(client.socket)
        if known is not None and known.events == mask:
            return
        if known is not None:
            self._selector.unregister(client.socket)
        if mask:
            self._selector.register(client.socket, mask)

    def _bring(self) -> None:
        items, missed = self._feed.take()
        for client in list(self.clients.values()):
            if not client.subscriptions:
                continue
            taken = [item for item in items if _wants(client, item.topic, item.sensor)]
            for item in taken:
                client.bring(item.body if client.raw else line_of(item))
            lost = sum(numbers[client.raw] for pair, numbers in missed.items() if _wants(client, *pair))
            if lost:
                client.lag(lost)
            if taken or lost:
                self._serve(client, 0, time.monotonic())

    def _drop(self, client: ClientConnection) -> None:
        self._counts["lagged"] += client.missed > 0
        if self.clients.pop(client.socket, None) is None:
            return
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client.socket)
        client.socket.close()


def _wants(client: ClientConnection, topic: str, sensor: str) -> bool:
    return (topic, sensor) in client.subscriptions or (topic, "") in client.subscriptions
