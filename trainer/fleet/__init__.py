"""Many machines: a plan to one folder a machine, on several processors or computers."""

from trainer.fleet.engines import ATTEMPTS, ENGINES, Engine, Lost, open_engine
from trainer.fleet.machine import Done, Task, fit_machine
from trainer.fleet.plan import PlannedMachine, check_name, read_plan
from trainer.fleet.record import FITTED, MODEL, Record
from trainer.fleet.run import PAGE, Cost, Summary, Terms, estimate, run_fleet
from trainer.fleet.sources import Sources, find_sources

__all__ = [
    "ATTEMPTS",
    "ENGINES",
    "FITTED",
    "MODEL",
    "PAGE",
    "Cost",
    "Done",
    "Engine",
    "Lost",
    "PlannedMachine",
    "Record",
    "Sources",
    "Summary",
    "Task",
    "Terms",
    "check_name",
    "estimate",
    "find_sources",
    "fit_machine",
    "open_engine",
    "read_plan",
    "run_fleet",
]
