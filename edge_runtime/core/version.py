"""The version of the distribution, both programs and the library."""

from typing import Final

VERSION: Final = "0.1.0"
"""The packaging reads it here. Asked of the installed package's metadata it would cost the service 0.8 MB,
and be unknown in a folder that was never installed."""
