"""The plant's repository of models: signed by The Update Framework, copied to sticks or served as files."""

from deploy.publishing.commands import app

__all__ = ["app"]
