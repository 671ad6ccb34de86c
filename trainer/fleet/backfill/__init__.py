"""What models would have said of recordings of years: scores, alarms, and a page of them."""

from trainer.fleet.backfill.run import PAGE, Job, Past, backfill, read_jobs

__all__ = ["PAGE", "Job", "Past", "backfill", "read_jobs"]
