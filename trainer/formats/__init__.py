"""Files of recordings to numbers. Runs in a limited child process; nothing here is imported by the parent
but the contract and the check of the answer."""

from trainer.formats.answer import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, Head, check_head, is_rate
from trainer.formats.capture_look import CaptureLook, check_look
from trainer.formats.contract import (
    FULL_SCALE,
    MAX_VALUES,
    Content,
    ParsedSamples,
    Refusal,
    Request,
)

__all__ = [
    "FULL_SCALE",
    "HIGHEST_RATE_HZ",
    "LOWEST_RATE_HZ",
    "MAX_VALUES",
    "CaptureLook",
    "Content",
    "Head",
    "ParsedSamples",
    "Refusal",
    "Request",
    "check_head",
    "check_look",
    "is_rate",
]
