"""The command line of the edge, one file for each group of commands."""

from edge_runtime.cli.commands import app, main

__all__ = ["app", "main"]
