"""What a page shows of every sensor: `sensors.list`."""

from collections.abc import Iterable

from edge_runtime.book import Book
from edge_runtime.door import Access, Asker, Method, NoParams
from edge_runtime.gateway.bookkeeper import Bookkeeper
from edge_runtime.gateway.sensor_station import Station
from edge_runtime.messages import band_bodies, model_body, rfc3339

View = dict[str, object]


def sensor_methods(stations: Iterable[Station], keeper: Bookkeeper) -> list[Method]:
    """What can be asked through the door."""

    def listed(_params: NoParams, _asker: Asker) -> list[View]:
        return [sensor_view(station, keeper.book) for station in stations]

    say = "Say of each sensor what it sits on, how it stands, what watches it and what that says."
    return [Method("sensors.list", Access.READ, say, NoParams, listed)]


def sensor_view(station: Station, book: Book) -> View:
    """One sensor as a page gets it; times as messages have them."""
    settings, status = station.prepared.settings, station.pipeline.status
    standing, condition = book.standing(station.name), book.condition(station.name)
    state, scored_us, since_us = station.machine_state, standing.scored_us, condition.since_us
    return {
        "name": station.name,
        "machine": settings.machine,
        "channels": settings.channels,
        "unit": settings.unit,
        "rate_hz": settings.rate_hz,
        "protocol": settings.protocol,
        "scale": settings.scale,
        "suppressed": settings.suppressed,
        "trouble": station.trouble,
        "link": condition.link,
        "fault": condition.fault,
        "model_fault": condition.model_fault,
        "usable_share": status.usable_share,
        "windows": status.windows,
        "state": state.name if state else "",
        "state_said": state.said if state else "",
        "state_since": None if since_us is None else rfc3339(since_us),
        "commissioning": condition.commissioning,
        "asks": condition.asks,
        "model": model_body(standing.model),
        "score": standing.score,
        "threshold": standing.threshold,
        "scored": None if scored_us is None else rfc3339(scored_us),
        "bands": band_bodies(standing.contributions, standing.model),
    }
