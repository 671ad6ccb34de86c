"""Files of recordings to numbers. Runs in a limited child process; nothing here is imported by the parent
but the contract."""

from trainer.formats.contract import FULL_SCALE, MAX_VALUES, Content, ParsedSamples, Request

__all__ = ["FULL_SCALE", "MAX_VALUES", "Content", "ParsedSamples", "Request"]
