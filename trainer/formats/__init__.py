"""Files of recordings to numbers. Runs in a limited child process; nothing here is imported by the parent
but the contract and the check of the answer."""

from trainer.formats.answer import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, Head, check_head, is_rate
from trainer.formats.capture_look import CaptureLook, check_look
from trainer.formats.contract import FULL_SCALE, MAX_VALUES, Content, Hints, ParsedSamples, Refusal, Request
from trainer.formats.text.layout import DECIMALS, SEPARATORS
from trainer.formats.units import TIME_UNITS, plain_unit

__all__ = [
    "DECIMALS",
    "FULL_SCALE",
    "HIGHEST_RATE_HZ",
    "LOWEST_RATE_HZ",
    "MAX_VALUES",
    "SEPARATORS",
    "TIME_UNITS",
    "CaptureLook",
    "Content",
    "Head",
    "Hints",
    "ParsedSamples",
    "Refusal",
    "Request",
    "check_head",
    "check_look",
    "is_rate",
    "plain_unit",
]
