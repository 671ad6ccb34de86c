"""Alarms that come from no score, but from a value that the history keeps and a limit of the site's."""

from typing import Final

from edge_runtime.core.records import AlarmKind

TREND_KINDS: Final = (AlarmKind.VELOCITY, AlarmKind.LEVEL, AlarmKind.READING)
"""In the order in which they are told of."""
