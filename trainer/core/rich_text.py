"""The one way of foreign text into a table for a terminal: `terminal_text`."""

from rich.text import Text

from edge_runtime.core import printable


def terminal_text(text: object, style: str = "") -> Text:
    """One line of printable characters in which nothing is markup: `[red]` stays what it is."""
    return Text(printable(text), style)
