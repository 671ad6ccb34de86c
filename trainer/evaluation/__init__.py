"""A model file on labelled recordings, through the edge's own stages."""

from trainer.evaluation.metrics import ByRecording, Evaluation, by_window, evaluate, evaluate_list, judge_all
from trainer.evaluation.quantization_cost import Int8Cost, int8_cost
from trainer.evaluation.replay import ScoredRecording, score_recording
from trainer.evaluation.tables import recordings_table, summary_table

__all__ = [
    "ByRecording",
    "Evaluation",
    "Int8Cost",
    "ScoredRecording",
    "by_window",
    "evaluate",
    "evaluate_list",
    "int8_cost",
    "judge_all",
    "recordings_table",
    "score_recording",
    "summary_table",
]
