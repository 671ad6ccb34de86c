"""What the publisher does beside sending: the spool's maintenance, and what health and log hear of it."""

import logging
import time
from typing import Final

from edge_runtime.core import EdgeError, Health, LogShare
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind
from edge_runtime.mqtt.publisher_state import PublisherState
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.spool import Spool

TICK_S: Final = 1.0
"""The spool wants its maintenance about every second; a wake-up ends any waiting at once."""
_LOG: Final = logging.getLogger("edge_runtime")


class Upkeep:
    """Used by the publisher's thread, and before it begins."""

    def __init__(self, spool: Spool, health: Health, state: PublisherState) -> None:
        """Nothing was maintained yet."""
        self._spool, self._health, self._state = spool, health, state
        self._log = LogShare("")
        self._maintained_s = float("-inf")

    def warn(self, settings: BrokerSettings) -> None:
        """Say what these settings do not keep safe."""
        insecure = "" if settings.private else "what goes to the broker can be overheard and forged"
        self._health.set_trouble("insecure", insecure)
        if settings.mqtt != "5":
            _LOG.warning("MQTT 3.1.1: messages that the broker refuses count as delivered and are lost")

    def maintain(self, now_s: float) -> None:
        """Maintain the spool where it is time for that; `now_s` is in monotonic seconds."""
        self._log.close_minutes(now_s)
        if time.monotonic() - self._maintained_s < TICK_S:
            return
        self._maintained_s = time.monotonic()
        self._spool.maintain()
        self._state.report_kept()
        self._health.set_trouble("spool", self._spool.trouble)
        if (salvaged := self._spool.salvaged) is not None:
            self._health.set_trouble("spool_corrupt", str(salvaged))

    def note_connection(self, *, connected: bool) -> None:
        """Say whether there is a connection, and count those that there were."""
        self._health.set("mqtt.connected", float(connected))
        if connected:
            self._health.add("mqtt.connections")

    def note_loss(self, error: EdgeError, trouble: str) -> None:
        """Say why there is no connection, in the words of `trouble`, and count it."""
        kind = error.loss if isinstance(error, LinkError) else "credentials"
        self.report(f"broker {kind}", trouble)
        self._health.add("mqtt.connections_lost")
        if kind is LinkErrorKind.VIOLATION:
            self._health.add("mqtt.violations")

    def report(self, kind: str, trouble: str, terms: str = "") -> None:
        """Say what is wrong with the broker; without trouble that, and on which terms, it is connected."""
        self._health.set_trouble("broker", trouble)
        level = logging.WARNING if trouble else logging.INFO
        self._log.warn(kind, trouble or f"connected to the broker{terms}", time.monotonic(), level=level)
