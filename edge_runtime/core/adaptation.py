"""The `Adaptation`: what a model needs to watch another machine of the kind that it was made for.

It is a file of its own beside the model, which stays as it was signed: canonical JSON with a SHA-256 over the
rest. That shows damage and edits by hand; who wrote it is for a seal to say.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from edge_runtime.core.errors import ArtefactError
from edge_runtime.core.field_checks import (
    Check,
    FieldError,
    check_fields,
    list_of,
    number,
    object_of,
    text_of,
    whole,
)
from edge_runtime.core.manifest import Calibration, Golden
from edge_runtime.core.manifest_schema import CALIBRATION

SCHEMA: Final = 1
ADAPTATION_BYTES: Final = 8 * 1024 * 1024
"""Of the file, as of a manifest: its golden windows are the bulk, a quarter of a megabyte as they are
written, and 100,000 features take 4 MB."""
ACCEPTABLE: Final = ("drift", "towering", "shift")
"""What refuses to adapt unless a person accepts it, by name."""
_DIGEST: Final = "sha256"
_MAX_VALUES: Final = 100_000
_MAX_WARNINGS: Final = 20
_MAX_WARNING: Final = 1000
_MAX_GOLDEN: Final = 64
"""Judgements: as of a manifest's features and golden windows; a page of warnings."""
_LARGEST: Final = 1e30
"""As of a manifest's threshold."""
_AGAIN: Final = "Adapt the model again, or copy the file again"


@dataclass(frozen=True, slots=True)
class Adaptation:
    """Mean, scale and threshold of one machine, and what they rest on."""

    base: str
    """SHA-256 of the model file that it belongs to, hexadecimal."""
    name: str
    """What that model is called."""
    created: str
    """RFC 3339, UTC."""
    rate_hz: float
    channels: tuple[str, ...]
    unit: str
    serial: str
    """Serial number of the sensor, as its hello said it; empty where none was heard."""
    mean: tuple[float, ...]
    """Of each feature, in its unit."""
    per_deviation: tuple[float, ...]
    """Reciprocal of each feature's standard deviation."""
    threshold: float
    calibration: Calibration
    windows: int
    """Windows learnt from."""
    unusable: int
    """Windows in which the sensor was at fault or the machine stood still, left out."""
    towering: int
    """Windows unlike all others, left out."""
    seconds: float
    """How long the vibration lasted that was learnt from."""
    shift: float
    """How far the mean lies from the model's own: the root of the mean square over features, in its standard
    deviations."""
    warnings: tuple[str, ...]
    """What a person should know before this is used."""
    golden: tuple[Golden, ...]
    """Windows of this machine with their scores under these values: how loud it is, and the file's test."""

    @property
    def digest(self) -> str:
        """SHA-256 of all it says, hexadecimal."""
        return _digest(_body(self))


def adaptation_to_text(adaptation: Adaptation) -> str:
    """Write it as canonical JSON, floats exact. Raises ValueError for a number that is not finite."""
    body = _body(adaptation)
    return _canonical({**body, _DIGEST: _digest(body)})


def adaptation_from_text(text: str, where: str) -> Adaptation:
    """Read it back; `where` is the file's name for messages.

    Raises ArtefactError for what is no adaptation, is of another schema, was edited, or makes no sense.
    """
    try:
        body = json.loads(text)
        if not isinstance(body, dict) or "schema" not in body:
            raise ValueError("it is no adaptation of a model")
        if body["schema"] != SCHEMA:
            raise ValueError(f"its schema is {str(body['schema'])[:40]!r}, this program reads {SCHEMA}")
        digest = body.pop(_DIGEST, None)
        if digest != _digest(body):
            raise ArtefactError(
                "was edited or damaged: it is not what its SHA-256 says",
                where=where,
                remedy=_AGAIN,
            )
        check_fields(body, _FIELDS, (), "")
        return _read(body)
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"cannot be used ({str(error)[:300]})", where=where, remedy=_AGAIN) from error


def _body(adaptation: Adaptation) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415  20 MB that processes without models can spare

    body = {"schema": SCHEMA, **asdict(adaptation)}
    body["golden"] = []
    for golden in adaptation.golden:
        samples = np.ascontiguousarray(golden.samples, dtype="<f4").tobytes()
        body["golden"].append({"samples": base64.b64encode(samples).decode("ascii"), "score": golden.score})
    return body


def _canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body).encode()).hexdigest()


def _read(body: dict[str, Any]) -> Adaptation:
    import numpy as np  # noqa: PLC0415  20 MB that processes without models can spare

    del body["schema"]
    golden = []
    for entry in body.pop("golden"):
        data = np.frombuffer(base64.b64decode(entry["samples"], validate=True), dtype="<f4")
        window = data.reshape(-1, len(body["channels"])).astype(np.float32)
        golden.append(Golden(window, float(entry["score"])))
    if len(body["mean"]) != len(body["per_deviation"]):
        raise FieldError(
            "per_deviation", f"has {len(body['per_deviation'])} values, mean {len(body['mean'])}"
        )
    calibration = body.pop("calibration")
    lists: dict[str, Any] = {
        name: tuple(body.pop(name)) for name in ("channels", "mean", "per_deviation", "warnings")
    }
    return Adaptation(
        calibration=Calibration(conditions=tuple(calibration.pop("conditions")), **calibration),
        golden=tuple(golden),
        **lists,
        **body,
    )


_VALUE: Final = number(-_LARGEST, _LARGEST)
_COUNT: Final = whole(0, 2**53)
_GOLDEN: Final[Mapping[str, Check]] = {"samples": text_of(ADAPTATION_BYTES), "score": _VALUE}
_FIELDS: Final[Mapping[str, Check]] = {
    "schema": whole(SCHEMA, SCHEMA),
    **dict.fromkeys(("base", "name", "created", "unit", "serial"), text_of()),
    "rate_hz": number(1e-6, 1e9),
    "channels": list_of(text_of(), 1, 64),
    "mean": list_of(_VALUE, 1, _MAX_VALUES),
    "per_deviation": list_of(number(0, _LARGEST), 1, _MAX_VALUES),
    "threshold": _VALUE,
    "calibration": object_of("calibration", CALIBRATION),
    **dict.fromkeys(("windows", "unusable", "towering"), _COUNT),
    **dict.fromkeys(("seconds", "shift"), number(0, _LARGEST)),
    "warnings": list_of(text_of(_MAX_WARNING), 0, _MAX_WARNINGS),
    "golden": list_of(object_of("golden", _GOLDEN), 1, _MAX_GOLDEN),
}
