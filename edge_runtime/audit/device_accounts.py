"""What devices say of themselves against what was heard of them: `DeviceAccounts`. Pure; times are arguments.

A hole between two numbers shows a loss; a lost tail shows nothing. But a device also says which number is its
newest: `seq` and `epoch` in state, condition, info and health. What it claims and was not heard is lost,
unless it still waits at the device. What nobody can know is said too: numbers from before the first session,
and those of a device that claims none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MAX_DEVICES: Final = 10_000
"""Above those of any plant; further ones are counted and not followed."""
MAX_NAME: Final = 512
"""Characters of a device's three levels or of an epoch; ours take far less, and names fill the memory too."""
SILENT_S: Final = 40.0
"""Four of the default keepalives, after each of which a device says that it is online."""
GRACE_S: Final = 2.0
"""An event may arrive a little after the message that counts it."""
CLAIMING: Final = ("state", "condition", "info", "health")
"""Last levels whose `seq` is the newest of the device and no number of their own."""
_BASE_LEVELS, _EPOCHS = 3, 4
"""Levels of a topic that name the device; epochs of a device that are remembered."""
_MAX_SEQ: Final = 2**62
"""No spool gives a number from here: SQLite's integers end at 2^63."""


@dataclass(slots=True)
class Device:
    """One device. `accounted` has, by epoch, the number up to which all was heard, or came before us."""

    name: str
    born_here: bool
    """Whether its numbers begin in this session."""
    accounted: dict[str, int] = field(default_factory=dict)
    claim: tuple[str, int] | None = None
    """Newest (epoch, seq) that has stood for a while."""
    fresh: tuple[str, int, float] | None = None
    """A newer claim and when it came."""
    waiting: int = 0
    """Events that wait at the device, as it said last."""
    availability: str = ""
    bridge: str = ""
    met_s: float = float("-inf")
    """When its first claim came, in a session that begins with this run; what it counts was before us."""
    heard_s: float | None = None
    """When it last spoke, retained messages aside; None while it has not."""

    def settle(self, now_s: float) -> None:
        """Let a claim that has stood for long enough count."""
        if self.fresh is not None and now_s - self.fresh[2] >= GRACE_S:
            self.claim, self.fresh = self.fresh[:2], None


class DeviceAccounts:
    """Every device that was heard of."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.devices: dict[str, Device] = {}
        self.unfollowed = 0
        """Messages of devices above MAX_DEVICES, or with names that are too long."""
        self.born_here = False
        """Whether a device that is not known yet begins at number 1: the session has been there before it."""

    def resume(self, name: str, accounted: Mapping[str, int]) -> None:
        """Go on with a device of an earlier run."""
        if (device := self._device(name)) is not None:
            device.accounted, device.born_here = dict(accounted), False

    def note(self, topic: str, body: bytes, members: Mapping[str, Any], now_s: float, *, live: bool) -> None:
        """Take in any message; `live` is false for a retained one that was there before."""
        levels = topic.split("/")
        if len(levels) <= _BASE_LEVELS or len(levels) > _BASE_LEVELS + 2:
            return
        device = self._device("/".join(levels[:_BASE_LEVELS]))
        if device is None:
            return
        leaf, own = levels[-1], len(levels) == _BASE_LEVELS + 1
        if own and leaf == "availability":
            device.availability = body[:MAX_NAME].decode(errors="replace")
        elif own and leaf == "bridge":
            device.bridge = body[:1].decode(errors="replace")
            return  # the plant's broker says so
        elif leaf in CLAIMING:
            self._note_claim(device, members, now_s)
        if live:
            device.heard_s = now_s

    def lost(self, device: Device, heard: Mapping[str, int], now_s: float) -> int | None:
        """How many of its newest events are lost; None where that cannot be known.

        `heard` has the highest number heard of it, by epoch.
        """
        device.settle(now_s)
        if device.claim is None:
            return None
        epoch, seq = device.claim
        known = max(heard.get(epoch, -1), device.accounted.get(epoch, -1))
        if known < 0:
            return None
        return max(0, seq - known - device.waiting)

    def silent_s(self, device: Device, since_s: float, now_s: float) -> float:
        """For how long a device that should speak has said nothing; 0 where it is not silent.

        `since_s` is when we began to hear: the connection's beginning.
        """
        if device.availability == "offline" or device.bridge == "0":
            return 0.0
        quiet_s = now_s - max(since_s, device.heard_s or since_s)
        return quiet_s if quiet_s > SILENT_S else 0.0

    def __iter__(self) -> Iterator[Device]:
        """In order of their names."""
        return iter([self.devices[name] for name in sorted(self.devices)])

    def _device(self, name: str) -> Device | None:
        if name in self.devices:
            return self.devices[name]
        if len(self.devices) >= MAX_DEVICES or len(name) > MAX_NAME:
            self.unfollowed += 1
            return None
        self.devices[name] = Device(name, self.born_here)
        return self.devices[name]

    def _note_claim(self, device: Device, members: Mapping[str, Any], now_s: float) -> None:
        figures = members.get("figures")
        if isinstance(figures, dict) and isinstance(figures.get("spool.alarm.depth"), (int, float)):
            device.waiting = max(0, int(figures["spool.alarm.depth"]))
        seq, epoch = members.get("seq"), members.get("epoch")
        if type(seq) is not int or not 0 <= seq < _MAX_SEQ:
            return
        if not isinstance(epoch, str) or len(epoch) > MAX_NAME:
            return
        device.settle(now_s)
        first = not device.accounted
        if first or epoch not in device.accounted:  # another numbering begins with 1, and we were there
            device.accounted[epoch] = 0
            device.accounted = dict(list(device.accounted.items())[-_EPOCHS:])
        if first and not device.born_here:
            device.met_s = now_s
        if now_s - device.met_s < GRACE_S:  # what is retained comes in any order
            device.accounted[epoch] = max(device.accounted[epoch], seq - device.waiting)
        if device.fresh is None and (epoch, seq) != device.claim:  # a newer one will be said again
            device.fresh = (epoch, seq, now_s)
