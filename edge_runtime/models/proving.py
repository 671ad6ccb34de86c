"""A model proves itself in a child process before this program opens it: `prove_in_child`.

The child opens the file, scores the golden windows and others that the machine may bring, and explains them,
with bounded memory and processor time and without any right beyond computing (`edge_runtime.core.sandbox`). A
file that crashes, hangs, asks for gigabytes, fails on a loud window or cannot be exceeded by any is refused
here, and never reaches the process that watches machines.
"""

import json
import math
import mmap
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge_runtime.core import (
    ADAPTATION_BYTES,
    Adaptation,
    ArtefactError,
    EdgeError,
    GoldenWindowError,
    Samples,
    TooSlowError,
    adaptation_from_text,
    adaptation_to_text,
    first_line,
    printable,
)
from edge_runtime.core.sandbox import ChildFailure, Limits, give_up_rights, run_child
from edge_runtime.models.adaptation import adapted, read_adaptation
from edge_runtime.models.graph_limits import check_graph
from edge_runtime.models.scorer import Artefact, prove_model
from edge_runtime.models.sessions import MAX_MODEL_BYTES, read_model
from edge_runtime.models.trial_windows import unlike_windows, usual_windows

MEMORY_BYTES: Final = 300 * 1024 * 1024
"""What a model may take beside the interpreter and the libraries. The largest that ships takes 40 MB."""
_LIBRARIES_BYTES: Final = 100 * 1024 * 1024
"""What the interpreter, numpy and onnxruntime hold in memory before a model is opened: 60 MB, measured."""
CPU_S: Final = 8
"""For opening and some fifty runs: thirty times what the slowest model that ships takes on a Raspberry Pi's
core."""
WALL_S: Final = 60.0
"""Processor time is what is bounded; this only ends a child that waits for ever, also on a busy machine."""
SHARE_OF_HOP: Final = 0.5
"""One window must be scored in this share of the time from one to the next: the gateway has other work,
too."""
_MAY_BE_ANYTHING: Final = ("silence", "huge")
"""Sensor faults, which never reach a model: it must not fail on them, that is all."""
_STRENGTHS: Final = (30.0, 300.0, 3000.0)
"""Times the level of the golden window: from a machine in trouble to more than a sensor's range holds."""
_UNLIKE_WANTED: Final = 4
"""All six exceed at each strength with every detector that ships. A detector that is blind to level, on a
machine whose normal sound is noise or a tone, may pass over two of them."""
_TIMED_RUNS: Final = 15
"""The fastest of them counts: on a busy machine others are interrupted."""


_KINDS: Final = {kind.__name__: kind for kind in (GoldenWindowError, TooSlowError)}
_MAX_SENTENCE: Final = 1000
"""Characters of what the child says that are shown."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the child found."""

    window_s: float
    """Time to score one window, the shortest of several, seconds."""


def prove_in_child(model: bytes, where: str, adaptation: Adaptation | None = None) -> Proof:
    """Let the file prove itself in a child process, adapted where an adaptation is given; `where` names both.

    The golden windows of the file are proved as it was shipped, in any case. Raises ArtefactError with what
    is wrong and what to do about it.
    """
    check_graph(model, where)
    beside = b"" if adaptation is None else adaptation_to_text(adaptation).encode()
    answer = run_child(
        "edge_runtime.models.proving",
        str(len(model)),
        data=model + beside,
        wall_s=WALL_S,
        resident_bytes=_LIBRARIES_BYTES + MEMORY_BYTES,
        cpu_s=CPU_S,
    )
    if isinstance(answer, ChildFailure):
        raise ArtefactError(
            f"could not be tried: {answer.detail}",
            where=where,
            remedy="It takes too much time or memory, or crashes onnxruntime; keep the previous model",
        )
    body = answer.body
    if "error" in body:
        error_class = _KINDS.get(str(body.get("kind")), ArtefactError)
        what, remedy = (printable(body.get(name, ""), _MAX_SENTENCE) for name in ("error", "remedy"))
        raise error_class(what, where=where, remedy=remedy)
    window_s = body.get("window_s")
    if not isinstance(window_s, float) or not 0 <= window_s < math.inf:
        raise ArtefactError("could not be tried: the answer makes no sense", where=where, remedy="Try again")
    return Proof(window_s)


def load_model(path: Path, threads: int = 1, adaptation: Path | None = None) -> Artefact:
    """Open a foreign file, adapted by another where one is given: read once, proved in a child process,
    opened here.

    Raises ArtefactError for a file that is missing, foreign, damaged or hostile, for a manifest that
    disagrees with the graph, for golden windows that score differently here, and for an adaptation that was
    edited or is another model's.
    """
    model = read_model(path)
    beside = None if adaptation is None else read_adaptation(adaptation)
    prove_in_child(model, str(path if adaptation is None else adaptation), beside)
    artefact = prove_model(model, str(path), threads)
    return artefact if beside is None else adapted(artefact, beside, str(adaptation))


def main() -> None:
    """Be the child: a model and its adaptation, if any, on standard input, one line of JSON on standard
    output.

    The argument is the length of the model.
    """
    given = sys.stdin.buffer.read(MAX_MODEL_BYTES + ADAPTATION_BYTES + 1)
    model, beside = given[: int(sys.argv[1])], given[int(sys.argv[1]) :].decode()
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:
        address_space = 4 * 1024**3
    else:
        address_space = int(pages) * mmap.PAGESIZE
    give_up_rights(Limits(address_space + MEMORY_BYTES, CPU_S))
    try:
        body: dict[str, Any] = {"window_s": examine(model, beside)}
    except EdgeError as error:
        body = {"error": error.what, "remedy": error.remedy, "kind": type(error).__name__}
    except MemoryError:
        body = _beyond_memory()
    except Exception as error:  # noqa: BLE001  whatever the libraries raise, the file is at fault
        if "bad_alloc" in str(error) or "allocate memory" in str(error):
            body = _beyond_memory()
        else:
            body = {
                "error": f"it cannot be run ({error.__class__.__name__}: {first_line(error)})",
                "remedy": "The file is damaged or was made for another program; export it again",
            }
    sys.stdout.write(json.dumps(body) + "\n")


def examine(model: bytes, adaptation: str = "") -> float:
    """Try a model as the service would use it, adapted by that text; return the time of one window, seconds.

    Raises ArtefactError, with an empty `where`.
    """
    shipped = prove_model(model, "")
    artefact = adapted(shipped, adaptation_from_text(adaptation, ""), "") if adaptation else shipped
    manifest = artefact.manifest
    usual = [_tried(artefact, name, window) for name, window in usual_windows(manifest).items()]
    if all(score == usual[0] for score in usual):
        raise ArtefactError(
            f"every window scores {usual[0]:g}",
            remedy="A score that the vibration does not change raises no alarm, or always one; fit it again",
        )
    unlike, power = unlike_windows(manifest), manifest.power
    admitted = power is not None and power["supported"] is False and not manifest.calibration.supported
    for times in _STRENGTHS:
        scores = [_tried(artefact, f"{times:g} x {name}", times * window) for name, window in unlike.items()]
        exceeded = sum(score > manifest.threshold for score in scores)
        # A detector that learnt from labelled faults knows only those, and says so in its manifest; so does
        # one that hears nothing and was written on purpose.
        if not (manifest.known_faults or admitted) and exceeded < _UNLIKE_WANTED:
            raise ArtefactError(
                f"only {exceeded} of {len(unlike)} windows unlike any machine's normal vibration (noise, "
                f"impacts and tones, {times:g} times as strong) exceed the threshold {manifest.threshold:g}",
                remedy="It would miss what it is to find; calibrate it again",
            )
    window_s = min(artefact.time_window() for _ in range(_TIMED_RUNS))
    hop_s = manifest.hop / manifest.rate_hz
    if window_s > SHARE_OF_HOP * hop_s:
        raise TooSlowError(
            f"one window takes {1000 * window_s:.1f} ms to score, and one comes every {1000 * hop_s:.1f} ms",
            remedy="Fit with a longer hop or a smaller detector, or use a faster board",
        )
    return window_s


def _tried(artefact: Artefact, name: str, window: Samples) -> float:
    window = np.ascontiguousarray(window, np.float32)
    try:
        with np.errstate(all="ignore"):
            score = artefact.graph.score_one(window)
            shares = artefact.graph.contributions(window[np.newaxis])
    except Exception as error:
        raise ArtefactError(
            f"it fails on a window that is {name} ({first_line(error)})",
            remedy="It would fail when it is needed; fit it again",
        ) from error
    if math.isnan(score) and name not in _MAY_BE_ANYTHING:
        raise ArtefactError(
            f"its score is not a number for a window that is {name}",
            remedy="It would say nothing when it is needed; fit it again",
        )
    wanted = (1, len(artefact.manifest.features))
    if artefact.graph.explains and shares.shape != wanted:
        raise ArtefactError(
            f"its contributions have the shape {list(shares.shape)}, and {wanted[1]} features are named",
            remedy="The file was altered after export; export it again",
        )
    return -math.inf if math.isnan(score) else score


def _beyond_memory() -> dict[str, Any]:
    return {
        "error": f"it takes more than {MEMORY_BYTES // 1024**2} MB of memory",
        "remedy": "Detectors take far less; fit a smaller one",
    }
