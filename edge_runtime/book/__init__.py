"""The one book of a device's open alarms and sensor conditions. Pure: no clock, thread, disk or network."""

from edge_runtime.book.book import Book
from edge_runtime.book.entries import (
    Action,
    Change,
    Condition,
    Instant,
    Link,
    OpenAlarm,
    Record,
    Shelving,
    Standing,
    Watched,
)
from edge_runtime.book.stored import NO_MODEL, entry_of, key_of, stored_entry

__all__ = [
    "NO_MODEL",
    "Action",
    "Book",
    "Change",
    "Condition",
    "Instant",
    "Link",
    "OpenAlarm",
    "Record",
    "Shelving",
    "Standing",
    "Watched",
    "entry_of",
    "key_of",
    "stored_entry",
]
