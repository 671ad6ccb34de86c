"""A recording and a capture as commands and pages get them. Pure."""

from edge_runtime.core import EdgeError
from edge_runtime.gateway.recording.job import Job, Progress
from edge_runtime.gateway.recording.recorder import Target
from edge_runtime.gateway.recording.thinning import Capture

View = dict[str, object]


def job_view(job: Job, state: str, folder: str) -> View:
    """A recording of which no more is known: `state` is `starting`, `refused` or `ended`."""
    order = job.order
    return {
        "sensor": order.sensor,
        "id": job.id,
        "state": state,
        "condition": order.condition,
        "label": order.label,
        "started_by": job.started_by,
        "started": job.started,
        "for_s": order.for_s,
        "elapsed_s": job.elapsed_s,
        "take_s": order.take_s,
        "every_s": order.every_s,
        "folder": folder,
        "files": job.files,
        "bytes": job.bytes,
        "ended": job.ended,
    }


def progress_view(progress: Progress, target: Target, folder: str) -> View:
    """A recording at work."""
    level = progress.level
    return job_view(progress.job, progress.state, folder) | {
        "bytes": progress.written_bytes,
        "lost_bytes": progress.lost_bytes,
        "unit": target.settings.unit,
        "rms": dict(zip(target.settings.channels, level.rms, strict=False)),
        "clipped_share": level.clipped_share,
        "usable_share": level.usable_share,
        "rate_hz": level.rate_hz,
        "problem": level.problem,
        "held": progress.held,
        "clock": progress.clock,
    }


def refused_view(job: Job, folder: str, error: EdgeError) -> View:
    """A recording that did not begin."""
    what = f"{error.where}: {error.what}" if error.where else error.what
    return job_view(job, "refused", folder) | {"ended": what, "remedy": error.remedy}


def is_over(view: View) -> bool:
    """Whether nothing more comes of a recording."""
    return view["state"] in ("ended", "refused")


def capture_view(capture: Capture) -> View:
    """A capture that has ended, by the note in it."""
    note = capture.note
    return {
        "path": str(capture.path),
        "sensor": note.sensor,
        "machine": note.machine,
        "label": note.label,
        "condition": note.condition,
        "time": note.time,
        "clock_ok": note.clock_ok,
        "recording": note.recording,
        "part": note.part,
        "bytes": capture.bytes,
        "seconds": capture.seconds,
    }
