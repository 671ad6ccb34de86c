"""The technician's page: what is true now, what was and what to do, for browsers. A process of its own.

It adds no truth: it asks the service at its local door (decision 36), and can be killed, flooded or broken
into without a window being late.
"""

from edge_runtime.page.served import Served

__all__ = ["Served"]
