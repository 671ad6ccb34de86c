"""What a subscriber can prove about delivery: `run_listen` audits the sequence numbers of what arrives."""

from edge_runtime.audit.listen import run_listen, settings_of

__all__ = ["run_listen", "settings_of"]
