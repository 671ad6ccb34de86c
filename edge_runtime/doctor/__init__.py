"""What is wrong with this gateway, and the remedy: `examine` yields `Finding`s in the order of repair.

Every check examines the real device, file or broker, and goes on where another failed: one visit is to find
every fault. Nothing is changed, and a running service keeps its port and its client id.
"""

from edge_runtime.doctor.examination import examine
from edge_runtime.doctor.findings import Finding, Level, as_json, as_text, exit_code
from edge_runtime.doctor.host import Host

__all__ = ["Finding", "Host", "Level", "as_json", "as_text", "examine", "exit_code"]
