"""Who signed a model: `check_signed` requires it in a SHA256SUMS that the plant's authority has signed.

Beside the models lie `SHA256SUMS`, as sha256sum writes it, and `SHA256SUMS.p7s`, a detached CMS signature
(RFC 5652) over it. The program `openssl` verifies: the edge has no library for it. Only a certificate for
signing messages counts, so that no device's key can sign. Dates do not count: a board without a battery
starts in the past.
"""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Final

from edge_runtime.core import ArtefactError, ConfigError, UnavailableError

DIGESTS: Final = "SHA256SUMS"
SIGNATURE: Final = "SHA256SUMS.p7s"
_LIMIT_BYTES: Final = 1024 * 1024
"""Most that is read of SHA256SUMS: ten thousand models, of about a hundred bytes a line."""
_TIMEOUT_S: Final = 30.0
"""A judgement: openssl takes milliseconds, on a board that is starting seconds."""
_QUOTED: Final = 200
"""Characters of openssl's reason that an error quotes: more is no reason but data."""
_NOT_THE_SYSTEMS: Final = ("-no-CApath", "-no-CAstore")
"""Without these openssl would also trust the system's hundred authorities."""
_COPY: Final = f"Copy the model again together with {DIGESTS} and {SIGNATURE}"


def read_digests(folder: Path) -> tuple[bytes, dict[str, str]]:
    """Content of SHA256SUMS in `folder`: its bytes, and SHA-256 by file name. Raises OSError."""
    with (folder / DIGESTS).open("rb") as file:
        data = file.read(_LIMIT_BYTES)
    pairs = (line.partition(" ") for line in data.decode(errors="replace").splitlines())
    return data, {name.strip(" *"): digest for digest, _, name in pairs}


def check_signed(model: Path, digest: str, authority: Path) -> None:
    """Raise unless `authority` (PEM) signed a list that gives `model` this SHA-256.

    ArtefactError for no list, no signature, a wrong one, or another model than the list's; ConfigError for an
    authority that cannot be read; UnavailableError where openssl cannot be run.
    """
    if not os.access(authority, os.R_OK):
        remedy = "Give the path of a PEM file that this user can read"
        raise ConfigError("the authority cannot be read", where=str(authority), remedy=remedy)
    try:
        data, listed = read_digests(model.parent)
    except OSError as error:
        what = f"the list of signed models cannot be read ({error.strerror})"
        raise ArtefactError(what, where=str(model.parent / DIGESTS), remedy=_COPY) from error
    _verify(data, model.parent / SIGNATURE, authority)
    if model.name not in listed:
        raise ArtefactError(f"is not among the models in {DIGESTS}", where=str(model), remedy=_COPY)
    if listed[model.name] != digest:
        what = f"is not the file named in {DIGESTS} (SHA-256 {digest[:12]}... here)"
        raise ArtefactError(what, where=str(model), remedy=_COPY)


def digest_of(model: Path) -> str:
    """SHA-256 of a file, hexadecimal. Raises OSError."""
    return hashlib.sha256(model.read_bytes()).hexdigest()


def _verify(data: bytes, signature: Path, authority: Path) -> None:
    if not signature.is_file():
        raise ArtefactError("the models are not signed", where=str(signature), remedy=_COPY)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", str(signature)]
    command += ["-content", "/dev/stdin", "-CAfile", str(authority), *_NOT_THE_SYSTEMS]
    command += ["-no_check_time", "-out", "/dev/null"]
    try:
        done = subprocess.run(  # noqa: S603  no shell; the paths are from the site's own configuration
            command, input=data, capture_output=True, check=False, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        remedy = "Install openssl, or remove model_authority from the configuration"
        what = f"openssl cannot be run ({error})"
        raise UnavailableError(what, where="model_authority", remedy=remedy) from error
    if done.returncode:
        # thread:error:code:library:function:reason:file:line:data, from the reason on
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.count(":") > 4]
        why = ":".join(lines[-1].split(":")[5:]).strip(" :")[:_QUOTED] if lines else "openssl gives no reason"
        remedy = f"{_COPY}; `deploy/authority sign` makes them, with the authority of {authority}"
        raise ArtefactError(f"the signature is not right: {why}", where=str(signature), remedy=remedy)
