"""How does what a device has learnt outlive its card?"""

from edge_runtime.gateway.backup.contents import CONTENTS, Contents, read_contents
from edge_runtime.gateway.backup.restoring import restore
from edge_runtime.gateway.backup.saving import save

__all__ = ["CONTENTS", "Contents", "read_contents", "restore", "save"]
