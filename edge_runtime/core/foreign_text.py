"""Text that somebody else wrote, made fit for a terminal, a log, a message: `printable`.

Names in recordings and models, what a sensor says, what a broker answers: any of it may hold escape sequences
that move a terminal's cursor, line breaks that forge a line of the log, or a megabyte.
"""

from typing import Final

LONGEST: Final = 200
"""Characters kept: a line of a terminal or two."""


def printable(text: object, longest: int = LONGEST) -> str:
    """The text as one line of printable characters; others as \\x1b or \\u2028, what is beyond `longest` as
    `...`."""
    head = str(text)[: longest + 1]
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in head[:longest])
    return shown + "..." if len(head) > longest else shown


def first_line(error: BaseException) -> str:
    """The first line of what a library says, printable."""
    return printable((str(error).splitlines() or [type(error).__name__])[0])
