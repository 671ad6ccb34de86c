"""E-mails and webhooks: the process of `edge-runtime notify`. The service loads nothing of it."""
