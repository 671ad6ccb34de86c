"""Where foreign files are tried: a child process that may read its input, compute, answer, and nothing
else."""

from edge_runtime.core.sandbox.child import ChildAnswer, ChildFailure, run_child
from edge_runtime.core.sandbox.rights import Limits, give_up_rights, prepare_rights

__all__ = ["ChildAnswer", "ChildFailure", "Limits", "give_up_rights", "prepare_rights", "run_child"]
