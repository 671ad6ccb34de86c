"""Recording without the service, from the port itself: `record_from_port`.

The same threads as in the service: one that reads, so that no byte waits for a disk, and one that writes.
"""

import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.configuration import Config
from edge_runtime.core import DataError, printable
from edge_runtime.gateway.recording.desk import TURN_S, Desk
from edge_runtime.gateway.recording.job import Job, Order
from edge_runtime.gateway.recording.recordings import captures_folder, targets_of
from edge_runtime.gateway.recording.tap import Tap
from edge_runtime.gateway.recording.views import View, is_over
from edge_runtime.messages import rfc3339
from edge_runtime.sensors import Inbox, Patience, Poller, PortReader, Source, probe


def record_from_port(config: Config, order: Order, by: str) -> Iterator[View]:
    """Record a sensor whose port nobody has, for somebody; gives several times a second how it stands.

    It ends with the order, or where the caller stops. Raises DataError for what cannot be recorded,
    UnavailableError, BusyError or AccessError for a port that cannot be opened.
    """
    order.check()
    targets = targets_of(config)
    if (target := targets.get(order.sensor)) is None:
        what = f"there is no sensor {printable(order.sensor, 60)!r} in the configuration"
        raise DataError(what, where="--sensor", remedy=f"Sensors are: {', '.join(sorted(targets))}")
    settings, tap, inbox, stop = target.settings, Tap(), Inbox(), threading.Event()
    source = Source(settings.port, settings.baud)
    (refused,) = probe([source])
    if refused is not None:
        raise refused
    poller = Poller(inbox, stop)
    reader = PortReader(0, source, inbox, stop, poller, patience=Patience.of(settings))
    folder = Path(order.folder) if order.folder else captures_folder(config)
    desk = Desk(
        folder,
        config.recording,
        tap,
        save=lambda _job: None,  # it ends with this command
        home=config.state_folder,
        is_own=not order.folder,
    )
    job = Job(order, secrets.token_hex(4), settings.machine, by, rfc3339(time.time_ns() // 1000) or "")
    threads: tuple[threading.Thread, ...] = (desk, poller, reader)
    try:
        desk.begin(job, target)
        for thread in threads:
            thread.start()
        while not is_over(view := desk.views[order.sensor]):
            for chunk in inbox.take(TURN_S):
                tap.put(order.sensor, chunk.data, chunk.at_s, None)
            yield view
        yield view
    finally:
        stop.set()
        reader.stop()
        desk.leave()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
