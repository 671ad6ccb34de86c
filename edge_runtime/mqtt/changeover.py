"""From one broker's settings to other ones while the service runs: `Changeover`.

Where host and port stay the same, nobody is to hear that the device was away for the moment that a new
connection takes: the old one is ended in order, which makes the broker forget our last will, and `online`
stays as it is. With the will goes the promise that a broker says so when we are gone. Where the first attempt
with the new settings fails, `offline` is therefore published with the old ones, which are tried again after
every further attempt until one of both gets through, or the broker refuses the old ones too.
"""

import socket
from collections import deque
from collections.abc import Callable

from edge_runtime.core import EdgeError
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.credentials import Credentials
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind
from edge_runtime.mqtt.publisher_state import PublisherState
from edge_runtime.mqtt.session import Session
from edge_runtime.mqtt.settings import BrokerSettings


class Changeover:
    """Settings that are wanted, and those under which `online` was left standing. `want` may be called from
    any thread, all else is the publisher's."""

    def __init__(self) -> None:
        self._wanted: deque[BrokerSettings] = deque(maxlen=1)  # the latest counts
        self.left_online: tuple[BrokerSettings, Credentials] | None = None
        """Of the connection that was ended and left `online` behind; None where nothing did."""

    def want(self, settings: BrokerSettings) -> None:
        """Go over to these settings."""
        self._wanted.append(settings)

    @property
    def due(self) -> bool:
        """Whether there are settings to go over to."""
        return bool(self._wanted)

    def take(self) -> BrokerSettings | None:
        """What to go over to now; None where it is nothing."""
        return self._wanted.popleft() if self._wanted else None

    def end(self, session: Session, present: BrokerSettings, credentials: Credentials) -> None:
        """End the session of the present settings, with `offline` where the broker is left. Raises
        LinkError."""
        wanted = self._wanted[-1]
        if (wanted.host, wanted.port) != (present.host, present.port):
            session.end()
        elif session.leave() and wanted.keepalive_s <= present.keepalive_s:
            # Longer: what was said would be out of date before it is said again.
            self.left_online = present, credentials

    def retract(
        self,
        new_link: Callable[[BrokerSettings, Credentials], Connection],
        state: PublisherState,
        wake: socket.socket,
        cancelled: Callable[[], bool],
    ) -> None:
        """Publish `offline` where `online` was left standing; what goes wrong with that is tried again at the
        next call."""
        if self.left_online is None:
            return
        try:
            link = new_link(*self.left_online)
            try:
                link.open(wake, cancelled)
                Session(link, state, announce=False).end()
            finally:
                link.drop()
        except EdgeError as error:
            if not isinstance(error, LinkError) or error.loss is not LinkErrorKind.REFUSED:
                return
        self.left_online = None
