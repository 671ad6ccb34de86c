"""One page on a model, pictures first; and one on what vibration says of a machine."""

from trainer.report.diagnosed import DiagnosedStretch, diagnose_files
from trainer.report.diagnosis_page import DiagnosisPage
from trainer.report.filled import template
from trainer.report.page import advice, report_page

__all__ = ["DiagnosedStretch", "DiagnosisPage", "advice", "diagnose_files", "report_page", "template"]
