"""Commands that come over the connection, and their answers: `Command`, `Reply`, `CommandHandler`, and
`Wanted`, which says what else may come.

Whoever handles them is given bytes that somebody else wrote, and says what is to be answered. What a command
is, who may give it and what it does is none of this room's business.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, NamedTuple


class Wanted(NamedTuple):
    """What a connection subscribes to; nothing unless the site wants it."""

    commands: str = ""
    """Topic of commands without its last level."""
    births: str = ""
    """Topic on which a program says `online` when it has started and wants what is retained once more."""


NOTHING: Final = Wanted()


@dataclass(frozen=True, slots=True)
class Command:
    """A message to one of our command topics."""

    verb: str
    """Last level of its topic."""
    body: bytes
    retained: bool
    """Whether the broker had kept it: nobody says it now."""
    response_topic: str
    """Where the sender wants the answer; empty for nowhere."""
    correlation: bytes
    """What the answer is to carry, so that the sender knows it."""
    expiry_s: int | None
    """Seconds for which it is still good; None where the sender did not say."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to be sent."""

    topic: str
    body: bytes
    correlation: bytes


@dataclass(frozen=True, slots=True)
class TransferChunk:
    """A part of something large that was asked for."""

    topic: str
    body: bytes


class CommandHandler(ABC):
    """What is done with commands; used by the publisher's thread, which it must not keep waiting."""

    prefix: str
    """Topic of commands without their last level, such as `steadyhum/plant/gateway/cmd/`."""

    @property
    @abstractmethod
    def verbs(self) -> tuple[str, ...]:
        """Last levels to subscribe to where the broker knows no wildcards."""

    @abstractmethod
    def receive(self, command: Command) -> None:
        """Take a command. It never raises for what is in it."""

    @abstractmethod
    def take_reply(self) -> Reply | None:
        """An answer that is due; None where there is none."""

    def take_chunk(self) -> TransferChunk | None:
        """What of a transfer is to be sent next; None where there is none."""
        return None

    def cancel_transfer(self, topic: str) -> None:  # noqa: B027  who transfers nothing has nothing to cancel
        """Send no more to a topic that the broker refuses."""
