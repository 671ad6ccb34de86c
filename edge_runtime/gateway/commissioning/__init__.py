"""How does a sensor come by a model of its own while the service runs?"""

from edge_runtime.gateway.commissioning.part import CommissioningPart

__all__ = ["CommissioningPart"]
