"""The commands of `trainer`."""

from trainer.cli.app import main

__all__ = ["main"]
