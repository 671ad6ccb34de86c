"""The `Manifest`: everything an .onnx file states about itself beside its graph.

It is stored in the file's metadata as one canonical JSON text, so that any ONNX tool can read it. The
threshold is in here and not in the graph, because sites change it. Written by the trainer, read by the edge;
neither needs the `onnx` package for it.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edge_runtime.core.alarm_policy import AlarmPolicy
from edge_runtime.core.errors import ArtefactError, GoldenWindowError
from edge_runtime.core.field_checks import MAX_TEXT, FieldError
from edge_runtime.core.manifest_schema import SCHEMAS, ContradictionError, read_body
from edge_runtime.core.records import Samples

SCHEMA = 2
"""What is written; `manifest_schema` says what is read."""
"""Raised when a program that reads this one could not read the next."""
MANIFEST_KEY = "steadyhum.manifest"
SCHEMA_KEY = "steadyhum.schema"


@dataclass(frozen=True, slots=True)
class Feature:
    """One entry of `contributions`."""

    name: str
    unit: str
    low_hz: float | None = None
    high_hz: float | None = None


@dataclass(frozen=True, slots=True)
class Golden:
    """A window and its score at the trainer: the file's own test, run wherever it is loaded."""

    samples: Samples
    """Physical units, shape [samples, channels]."""
    score: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Where the threshold comes from and what supports it."""

    method: str
    """Name of the method in `edge_runtime.calibration`."""
    false_alarm_rate: float
    """Share of normal windows that may exceed the threshold, as requested."""
    supported: bool
    """Whether the data could support that rate."""
    statement: str
    """The support in words, for people."""
    windows: int
    """How many held-out normal windows the threshold rests on."""
    conditions: tuple[str, ...]
    """Operating conditions held out in turn; one entry means no unseen condition was tried."""
    quantiles: Mapping[str, float]
    """Held-out normal scores: probability as text to score."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contract between trainer and edge."""

    name: str
    """What a site calls this model."""
    detector: str
    detector_version: str
    created: str
    """RFC 3339, UTC."""
    rate_hz: float
    samples: int
    """Window length in samples."""
    hop: int
    """Samples from one window's start to the next one's."""
    channels: tuple[str, ...]
    unit: str
    lowpass_hz: float | None
    """Bandwidth of the training signals where the list limited it; the sensor must have the same."""
    threshold: float
    calibration: Calibration
    policy: AlarmPolicy
    """The alarm policy the threshold was calibrated for; a site may override it."""
    features: tuple[Feature, ...]
    """Names of the graph's contributions, in order; empty where it has none."""
    golden: tuple[Golden, ...]
    golden_tolerance: float
    """Largest relative difference of a golden score that still counts as the same."""
    data_digest: str
    """SHA-256 over the training windows, in order."""
    opset: int
    producer: str
    notes: Mapping[str, str] = field(default_factory=dict)
    """What else the trainer states: augmentation ranges, regularisation, unsupported conditions."""
    # Since schema 2, each None in files that have none of it.
    known_faults: tuple[str, ...] | None = None
    """Labels of the faults that a supervised detector learnt from: of others it says nothing."""
    learnt: tuple[str, ...] | None = None
    """The first 16 hexadecimal digits of the SHA-256 of each recording that it learnt from."""
    power: Mapping[str, Any] | None = None
    """The smallest standard faults that it would find."""
    adaptable: Mapping[str, Any] | None = None
    """Initialisers of the graph that may be set to another machine's statistics: `features` is the output
    with what they standardise, `mean` and `per_deviation` (its reciprocal standard deviations) are their
    names, and `reach` is how far from the mean any window lay that was learnt from, as of
    `Adaptation.shift`."""
    states: Mapping[str, Any] | None = None
    """Operating states it distinguishes."""
    slow_alarm: Mapping[str, Any] | None = None
    """The alarm on the average of scores: the fields of `edge_runtime.analysis.SlowRule`, `supported`, and
    `statement` in words."""
    origin: Mapping[str, Any] | None = None
    """Where and from what it was learnt, when not at a workstation."""


def manifest_to_metadata(manifest: Manifest) -> dict[str, str]:
    """Write the manifest as ONNX metadata: canonical JSON, floats exact, windows as base64 float32.

    Raises ValueError for a number that is not finite: JSON has none.
    """
    import numpy as np  # noqa: PLC0415  20 MB that processes without models can spare

    body = asdict(manifest)
    body["golden"] = []
    for golden in manifest.golden:
        samples = np.ascontiguousarray(golden.samples, dtype="<f4").tobytes()
        body["golden"].append({"samples": base64.b64encode(samples).decode("ascii"), "score": golden.score})
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return {SCHEMA_KEY: str(SCHEMA), MANIFEST_KEY: text}


def manifest_from_metadata(metadata: Mapping[str, str], where: str) -> Manifest:
    """Read the manifest back; `where` is the file's name for messages.

    Raises ArtefactError for a foreign file, another schema version, or fields that make no sense;
    GoldenWindowError, which is one, where golden windows or their tolerance are missing.
    """
    if MANIFEST_KEY not in metadata:
        raise ArtefactError(
            "this ONNX file carries no steadyhum manifest",
            where=where,
            remedy="Export it with `trainer fit`; models of other tools carry no threshold",
        )
    schema = metadata.get(SCHEMA_KEY, "")
    if schema not in map(str, SCHEMAS):
        raise ArtefactError(
            f"manifest schema is {schema[:MAX_TEXT]!r}, this program reads {' and '.join(map(str, SCHEMAS))}",
            where=where,
            remedy="Install the steadyhum version that matches the file, or export the file again",
        )
    try:
        return _from_json(read_body(metadata[MANIFEST_KEY], int(schema)))
    except ValueError as error:
        about_golden = isinstance(error, FieldError) and error.field.startswith("golden")
        error_class = GoldenWindowError if about_golden else ArtefactError
        whole = isinstance(error, ContradictionError)
        raise error_class(
            str(error) if whole else f"the manifest cannot be read ({error})",
            where=where,
            remedy="The file is damaged or was altered; export it with `trainer fit` or copy it again",
        ) from error


def _from_json(body: dict[str, Any]) -> Manifest:
    import numpy as np  # noqa: PLC0415  20 MB that processes without models can spare

    channels = tuple(str(name) for name in body.pop("channels"))
    shape = (int(body["samples"]), len(channels))
    calibration = body.pop("calibration")
    policy = body.pop("policy")
    needed, of = policy.pop("votes")
    golden = []
    for entry in body.pop("golden"):
        data = np.frombuffer(base64.b64decode(entry["samples"], validate=True), dtype="<f4")
        golden.append(Golden(data.reshape(shape).astype(np.float32), float(entry["score"])))
    known_faults, learnt = body.pop("known_faults", None), body.pop("learnt", None)
    return Manifest(
        channels=channels,
        known_faults=None if known_faults is None else tuple(known_faults),
        learnt=None if learnt is None else tuple(learnt),
        calibration=Calibration(conditions=tuple(calibration.pop("conditions")), **calibration),
        policy=AlarmPolicy(votes=(int(needed), int(of)), **policy),
        features=tuple(Feature(**feature) for feature in body.pop("features")),
        golden=tuple(golden),
        **body,
    )
