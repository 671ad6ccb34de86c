"""The numbers of health as Prometheus reads them. Pure; the service loads nothing of it."""

from edge_runtime.messages.metrics.figures import FIGURES, SENSOR_FIGURES
from edge_runtime.messages.metrics.text_format import exposition

__all__ = ["FIGURES", "SENSOR_FIGURES", "exposition"]
