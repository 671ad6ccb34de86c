"""One page on a model, pictures first."""

from trainer.report.page import report_page

__all__ = ["report_page"]
