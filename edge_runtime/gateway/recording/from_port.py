"""Recording without the service, from the port itself: `record_from_port`.

The same threads as in the service: one that reads, so that no byte waits for a disk, and one that writes.
"""

import threading
from collections.abc import Iterator

from edge_runtime.configuration import Config
from edge_runtime.gateway.recording.desk import TURN_S
from edge_runtime.gateway.recording.job import Order
from edge_runtime.gateway.recording.recordings import folder_of, new_job, open_desk, target_of, targets_of
from edge_runtime.gateway.recording.tap import Tap
from edge_runtime.gateway.recording.views import View, is_over
from edge_runtime.sensors import Inbox, Patience, Poller, PortReader, port_of, probe


def record_from_port(config: Config, order: Order, by: str) -> Iterator[View]:
    """Record a sensor whose port nobody has, for somebody; gives several times a second how it stands.

    It ends with the order, or where the caller stops. Raises DataError for what cannot be recorded,
    UnavailableError, BusyError or AccessError for a port that cannot be opened.
    """
    order.check()
    target = target_of(order.sensor, targets_of(config))
    settings, tap, inbox, stop = target.settings, Tap(), Inbox(), threading.Event()
    source = port_of(settings)
    (refused,) = probe([source])
    if refused is not None:
        raise refused
    poller = Poller(inbox, stop)
    reader = PortReader(0, source, inbox, stop, poller, patience=Patience.of(settings))
    # Its progress is not kept: it ends with this command.
    desk = open_desk(config, folder_of(order, config), tap, lambda _job: None)
    threads: tuple[threading.Thread, ...] = (desk, poller, reader)
    try:
        desk.begin(new_job(order, target, by), target)
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
