"""The passphrase of the authority's key: from a file, or asked for on the terminal, and then only once."""

import getpass
import os
import stat
import sys
from pathlib import Path
from typing import Final

from edge_runtime.core import AccessError, ConfigError

VARIABLE: Final = "STEADYHUM_PASSPHRASE_FILE"
"""Names the file where no option does. The passphrase itself is never in the environment or an argument."""
SHORTEST: Final = 12
"""Letters. PEM derives the key in some 20,000 rounds: four random words withstand that, a short one not."""
_LIMIT_BYTES: Final = 4096
"""Of the file: a judgement, longer than any sentence; what is larger is another file."""


class Passphrase:
    """Called for the passphrase of a key that is encrypted; nothing is asked before that."""

    def __init__(self, file: Path | None = None) -> None:
        """`file` holds it in its first line; None to ask on the terminal."""
        self._file, self._known = file, b""

    def __call__(self) -> bytes:
        """The passphrase. Raises ConfigError or AccessError where there is none to be had."""
        if not self._known:
            self._known = self._read() if self._file else _ask("Passphrase of the authority's key: ")
        return self._known

    def choose(self) -> bytes:
        """A passphrase for a key that has none yet: asked for twice, and not too short."""
        chosen = self() if self._file else _ask("New passphrase of the authority's key: ")
        if len(chosen.decode(errors="replace")) < SHORTEST:
            remedy = f"Choose at least {SHORTEST} letters, such as four words that have nothing in common"
            raise ConfigError("the passphrase is too short", where=str(self._file or "-"), remedy=remedy)
        if not self._file and _ask("Once more: ") != chosen:
            raise ConfigError("the passphrases differ", where="the terminal", remedy="Try again")
        self._known = chosen
        return chosen

    def _read(self) -> bytes:
        assert self._file is not None
        try:
            with self._file.open("rb") as file:
                mode, text = os.fstat(file.fileno()).st_mode, file.read(_LIMIT_BYTES)
        except OSError as error:
            remedy = f"Give the path of a file that you can read, with --passphrase-file or {VARIABLE}"
            what = f"cannot be read ({error.strerror})"
            raise ConfigError(what, where=str(self._file), remedy=remedy) from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            what = f"the passphrase is open to others (mode {stat.S_IMODE(mode):04o})"
            raise AccessError(what, where=str(self._file), remedy=f"chmod 600 {self._file}")
        if not (line := text.split(b"\n", 1)[0].rstrip(b"\r")):
            remedy = "Write the passphrase into its first line"
            raise ConfigError("the passphrase is empty", where=str(self._file), remedy=remedy)
        return line


def _ask(question: str) -> bytes:
    if not sys.stdin.isatty():
        remedy = f"Run this on a terminal, or name a file with --passphrase-file or {VARIABLE}"
        raise AccessError("the authority's key is encrypted", where="ca.key", remedy=remedy)
    return getpass.getpass(question).encode()
