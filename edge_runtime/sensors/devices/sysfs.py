"""Attributes of a device in sysfs: `Attributes`."""

import contextlib
import errno
from pathlib import Path
from typing import Final

from edge_runtime.core import AccessError, ConfigError, EdgeError, UnavailableError

RULE: Final = "docs/sensors.md has the udev rule that gives it to the service's group"


_LONGEST: Final = 4096
"""Characters: an attribute is a page of memory at most."""


class Attributes:
    """Files of one folder, each of one line."""

    def __init__(self, folder: Path, where: str) -> None:
        """`where` begins the messages."""
        self._folder, self._where = folder, where

    def get(self, *names: str) -> str:
        """What the first of these says that is there; empty where none is."""
        for name in names:
            with contextlib.suppress(OSError), (self._folder / name).open(errors="replace") as file:
                return file.read(_LONGEST).strip()
        return ""

    def number(self, *names: str) -> float | None:
        """The same as a number; None where none is there, or it is none."""
        with contextlib.suppress(ValueError):
            return float(self.get(*names))
        return None

    def has(self, name: str) -> bool:
        """Whether there is one of this name."""
        return (self._folder / name).exists()

    def set(self, name: str, value: str) -> None:
        """Write an attribute that says otherwise.

        Raises AccessError, ConfigError where the device does not take the value, or UnavailableError.
        """
        if self.get(name) == value:
            return
        try:
            (self._folder / name).write_text(value)
        except OSError as error:
            raise self._refusal(name, value, error) from error

    def _refusal(self, name: str, value: str, error: OSError) -> EdgeError:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return AccessError(
                f"no permission to set {name} to {value}",
                where=self._where,
                remedy=f"Give this user the right to write {self._folder / name}: {RULE}",
            )
        if error.errno in (errno.EINVAL, errno.ERANGE):
            offers = self.get(f"{name}_available")
            return ConfigError(
                f"the device does not take {value} as {name}",
                where=self._where,
                remedy=f"It offers: {offers}" if offers else "See the manual of the device's driver",
            )
        return UnavailableError(
            f"{name} cannot be set to {value} ({error.strerror or error.__class__.__name__})",
            where=self._where,
            remedy="Check that the sensor is connected and its driver loaded: see `dmesg`",
        )
