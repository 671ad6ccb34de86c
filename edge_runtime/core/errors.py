"""Every error that a user can get, each with an exit code of sysexits.h and a remedy.

EdgeError                  70
├── DataError              65  a recording or stream holds something unusable
├── ArtefactError          65  the .onnx file is missing, foreign, damaged or disagrees with the site
│   └── GoldenWindowError  65  its golden windows are missing or score differently here
├── AlarmCommandError      65  what is asked of an alarm makes no sense of it as it stands
├── CommissionError        65  what is asked of a sensor's commissioning makes no sense as it stands
├── UnavailableError       69  a port, broker or file system cannot be reached
├── BusyError              75  something else holds the port or the state folder
├── AccessError            77  permissions, ownership, secrets that others can read
└── ConfigError            78  the configuration file
"""

from typing import ClassVar


class EdgeError(Exception):
    """Base of all errors: what went wrong, where, and what to do about it."""

    exit_code: ClassVar[int] = 70
    """Of sysexits.h; here EX_SOFTWARE, for what no subclass is about."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        """Keep the three parts apart, so that `--json` output and health can show them separately."""
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        """Read as one line: `where: what. Remedy.`."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}. {self.remedy}" if self.remedy else head


class DataError(EdgeError):
    """A recording or stream holds something unusable."""

    exit_code = 65


class ArtefactError(EdgeError):
    """The .onnx file is missing, foreign, damaged, or disagrees with the site."""

    exit_code = 65


class GoldenWindowError(ArtefactError):
    """The golden windows of an .onnx file are missing or score differently here."""


class TooSlowError(ArtefactError):
    """A model takes more of the time between two windows than it may."""


class AlarmCommandError(EdgeError):
    """What is asked of an alarm makes no sense of it as it stands: it has ended, say, or is not shelved."""

    exit_code = 65


class CommissionError(EdgeError):
    """What is asked of a sensor's commissioning makes no sense as it stands: nothing was learnt yet, say."""

    exit_code = 65


class UnavailableError(EdgeError):
    """A port, broker or file system cannot be reached."""

    exit_code = 69


class BusyError(EdgeError):
    """Something else holds the port or the state folder."""

    exit_code = 75


class AccessError(EdgeError):
    """Permissions or ownership are wrong, or a secret is readable by others."""

    exit_code = 77


class ConfigError(EdgeError):
    """The configuration file requires something that cannot be done."""

    exit_code = 78
