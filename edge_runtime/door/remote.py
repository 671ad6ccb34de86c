"""Commands that come over MQTT, to the same methods as requests through the socket: `RemoteCommands`.

Used by two threads: the publisher's brings commands and takes answers, the service's does what is asked. A
command that is refused is answered like one that is done; where its answer may not go it is only counted.
"""

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import EdgeError, printable, unset_clock
from edge_runtime.door.counters import Counters
from edge_runtime.door.envelope import LONGEST_S, Envelope, check_time, read_envelope
from edge_runtime.door.protocol import VERSIONS, Code, RequestError, error_members, plain
from edge_runtime.door.registry import Asker
from edge_runtime.door.work import Work, WorkQueue

MAX_REPLIES: Final = 64
"""Answers that wait for the connection; then the oldest are dropped and counted."""
_LEAVES: Final = ("availability", "condition", "event", "health", "info", "score", "shadow", "state")
"""Last levels of what devices publish: no answer must look like it to who subscribes by wildcard."""
MAX_CORRELATION_BYTES: Final = 256
"""What comes back with the answer: enough for any number of a request."""
_QUIET_REMEDY: Final = "Send a new one, with a larger counter"


class RemoteCommands:
    """One device's commands. `wake` is called when an answer waits."""

    def __init__(self, work: WorkQueue, device: str, replies: str, state_folder: Path) -> None:
        """`device` is `site/device`, `replies` the beginning of the topics that answers may go to."""
        self._work, self._device, self._replies = work, device, replies
        self._counters = Counters(state_folder)
        self._mutex = threading.Lock()
        self._waiting: deque[_Answer] = deque()
        self._counts: Counter[str] = Counter()
        self.wake: Callable[[], None] = lambda: None

    @property
    def verbs(self) -> tuple[str, ...]:
        """Methods that are commands."""
        return self._work.registry.commands

    def figures(self) -> Mapping[str, float | None]:
        """Counters for health."""
        counts = self._counts
        return {
            "received": float(counts["received"]),
            "done": float(counts["done"]),
            "refused": float(counts["refused"]),
            "not_answered": float(counts["not_answered"]),
        }

    def receive(
        self,
        verb: str,
        body: bytes,
        *,
        retained: bool,
        response_topic: str,
        correlation: bytes,
        expiry_s: int | None,
    ) -> None:
        """Take a command as it came."""
        with self._mutex:
            self._counts["received"] += 1
        if not self._may_answer(response_topic) or len(correlation) > MAX_CORRELATION_BYTES:
            with self._mutex:  # nothing is done whose answer would go to another's topic
                self._counts["refused"] += 1
                self._counts["not_answered"] += 1
            return
        envelope: Envelope | None = None
        try:
            if retained:
                what = "the broker had kept this command: nobody gives it now"
                raise RequestError(Code.EXPIRED, what, "Send commands without the retain flag")
            envelope = read_envelope(body)
            self._admit(verb, envelope, expiry_s)
        except EdgeError as error:
            self._answer(_Answer(response_topic, correlation, verb, envelope, None, error))
            return
        asker = Asker(envelope.by, "mqtt", proven=False, may_change=True)

        def done(work: Work) -> None:
            result, error = work.answer or (None, None)
            self._answer(_Answer(response_topic, correlation, verb, envelope, result, error))

        self._work.put(Work(verb, dict(envelope.params), asker, done))

    def take_reply(self) -> tuple[str, bytes, bytes] | None:
        """Topic, body and correlation data of an answer that is due."""
        with self._mutex:
            answer = self._waiting.popleft() if self._waiting else None
        return None if answer is None else (answer.topic, answer.encode(self._device), answer.correlation)

    def _may_answer(self, topic: str) -> bool:
        """Whether an answer may go there: nowhere, or below our own replies."""
        wild = any(char in topic for char in "+#\0")
        last = topic.removeprefix(self._replies).rpartition("/")[2]
        return not topic or (topic.startswith(self._replies) and last not in ("", *_LEAVES) and not wild)

    def _admit(self, verb: str, envelope: Envelope, expiry_s: int | None) -> None:
        """Raise RequestError for a command that is not to be obeyed; note the counter of one that is."""
        if envelope.device != self._device:
            what = f"this is {self._device}, and the command is for {printable(envelope.device, 100)!r}"
            raise RequestError(Code.OTHER_DEVICE, what, "Send it to that device's topic")
        now_s = time.time()
        if expiry_s == 0:
            raise RequestError(Code.EXPIRED, "the message had expired on its way", _QUIET_REMEDY)
        if not unset_clock(now_s):  # a clock that was never set judges nobody's
            check_time(envelope, now_s)
        last = self._counters.last(envelope.by)
        if last is not None and envelope.counter <= last:
            what = f"the counter of {envelope.by!r} is {envelope.counter}, and {last} was used already"
            raise RequestError(Code.REPLAYED, what, f"Send a new command with a counter above {last}")
        if verb not in self.verbs:
            what = f"there is no command {printable(verb, 60)!r}"
            raise RequestError(Code.UNKNOWN_METHOD, what, f"Commands are: {', '.join(sorted(self.verbs))}")
        self._keep(envelope, now_s)

    def _keep(self, envelope: Envelope, now_s: float) -> None:
        if not self._counters.has_room(envelope.by, now_s - 2 * LONGEST_S):
            what = "there are too many senders"
            raise RequestError(Code.BUSY, what, "Use a name that sends commands already, or wait two hours")
        try:
            self._counters.keep(envelope.by, envelope.counter, envelope.sent_s)
        except OSError as error:
            what = f"the counter cannot be kept ({error.strerror}), and without it nothing is obeyed"
            raise RequestError(Code.BUSY, what, "See the gateway's disk: edge-runtime doctor") from error

    def _answer(self, answer: "_Answer") -> None:
        """Let it wait for the connection; called by both threads, which it does not keep long."""
        with self._mutex:
            self._counts["done" if answer.error is None else "refused"] += 1
            if not answer.topic:
                self._counts["not_answered"] += 1
                return
            if len(self._waiting) >= MAX_REPLIES:
                self._waiting.popleft()
                self._counts["not_answered"] += 1
            self._waiting.append(answer)
        self.wake()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of a command."""

    topic: str
    correlation: bytes
    verb: str
    envelope: Envelope | None
    result: object
    error: EdgeError | None

    def encode(self, device: str) -> bytes:
        head: dict[str, object] = {"v": VERSIONS[-1], "device": device, "verb": printable(self.verb)}
        if self.envelope is not None:
            head |= {"by": self.envelope.by, "counter": self.envelope.counter}
        error = self.error
        what = {"result": plain(self.result)} if error is None else {"error": error_members(error)}
        return json.dumps({**head, **what}, separators=(",", ":"), allow_nan=False).encode()
