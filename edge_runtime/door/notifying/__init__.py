"""E-mails and webhooks: the process of `edge-runtime notify`. The service loads nothing of it."""

from edge_runtime.door.notifying.telling import check_secrets

__all__ = ["check_secrets"]
