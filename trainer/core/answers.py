"""A learner's answer that there is no model."""

from edge_runtime.core import LearningAnswer


def without_model(request: str, outcome: str, reason: str, remedy: str, seconds: float) -> LearningAnswer:
    """Answer the request with this id: `refused` or `failed`, why, and what somebody can do about it."""
    return LearningAnswer(
        id=request,
        outcome=outcome,
        reason=reason,
        remedy=remedy,
        warnings=(),
        sha256="",
        hours=0.0,
        conditions=(),
        days=0,
        power="",
        seconds=seconds,
    )
