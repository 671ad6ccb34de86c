"""Everything between a box of boards and a monitored machine; none of it is in the installed product."""
