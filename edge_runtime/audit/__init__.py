"""What a subscriber can prove of an alarm's way: `run_listen` keeps account of what arrived."""

from edge_runtime.audit.listen import run_listen, settings_of

__all__ = ["run_listen", "settings_of"]
