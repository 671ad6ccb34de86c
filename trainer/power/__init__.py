"""What a model would hear: the smallest standard faults that raise an alarm."""

from trainer.power.deafness import check_hears, supported_by
from trainer.power.hearing import PowerPlan, measure
from trainer.power.statement import HeardFault, Power, read_power

__all__ = ["HeardFault", "Power", "PowerPlan", "check_hears", "measure", "read_power", "supported_by"]
