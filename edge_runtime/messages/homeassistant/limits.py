"""Entities of the limits that a site sets on trends: `limits`. Pure."""

from typing import Any

from edge_runtime.core import TREND_KINDS, AlarmKind
from edge_runtime.messages.homeassistant.templates import any_of, expiry


def limits(state: str, asked: frozenset[AlarmKind], refresh_s: float) -> dict[str, dict[str, Any]]:
    """Read from the topic `state`; what the site does not ask for is removed where it was there before."""
    found: dict[str, dict[str, Any]] = {}
    for kind in TREND_KINDS:
        found[str(kind)] = {"platform": "binary_sensor"}
        if kind in asked:
            found[str(kind)] |= {
                "name": f"{kind.removesuffix('_trend').capitalize()} limit",
                "device_class": "problem",
                "state_topic": state,
                "value_template": any_of(f"['{kind}']", "trends"),
                "expire_after": expiry(refresh_s),
            }
    return found
