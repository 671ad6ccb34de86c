"""What a subscriber can prove about delivery: `run_listen` audits the sequence numbers of what arrives."""

from edge_runtime.audit.books import open_books
from edge_runtime.audit.broker_url import settings_of
from edge_runtime.audit.listen import run_listen

__all__ = ["open_books", "run_listen", "settings_of"]
