"""The one book of a device's open alarms and sensor conditions. Pure: no clock, thread, disk or network."""

from edge_runtime.book.book import Book
from edge_runtime.book.commissioning import SCORED, Commissioning, Doer, Entry, Stage, Terms
from edge_runtime.book.commissioning_record import MAX_RECORD_BYTES, record_from_json, record_to_json
from edge_runtime.book.commissioning_steps import (
    accept,
    after_repair,
    arm,
    ask_learner,
    due,
    learnt,
    offer,
    refused,
    restored,
    retire,
    watched,
)
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
    "MAX_RECORD_BYTES",
    "NO_MODEL",
    "SCORED",
    "Action",
    "Book",
    "Change",
    "Commissioning",
    "Condition",
    "Doer",
    "Entry",
    "Instant",
    "Link",
    "OpenAlarm",
    "Record",
    "Shelving",
    "Stage",
    "Standing",
    "Terms",
    "Watched",
    "accept",
    "after_repair",
    "arm",
    "ask_learner",
    "due",
    "entry_of",
    "key_of",
    "learnt",
    "offer",
    "record_from_json",
    "record_to_json",
    "refused",
    "restored",
    "retire",
    "stored_entry",
    "watched",
]
