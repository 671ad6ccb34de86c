"""Whose model is this? `check_signed` wants it listed in a SHA256SUMS that the plant's authority has signed.

Beside the models lie `SHA256SUMS`, as sha256sum writes it, and `SHA256SUMS.p7s`, a detached CMS signature
(RFC 5652) over it. The program `openssl` verifies: the edge has no library for it. Only a certificate for
signing messages counts, so that no device's key can sign, and dates do not: a board may start in the past.
"""

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edge_runtime.core import ArtefactError, ConfigError, EdgeError, UnavailableError, read_small

DIGESTS: Final = "SHA256SUMS"
SIGNATURE: Final = "SHA256SUMS.p7s"
_LIMIT_BYTES: Final = 1024 * 1024
"""A thousand models take 80 kB, a signature 2 kB: whatever is larger was not made by `deploy/authority`."""
_TIMEOUT_S: Final = 30.0
"""A judgement: openssl takes milliseconds, and seconds on a card that is busy."""
_PROGRAMS: Final = ("/usr/bin/openssl", "/bin/openssl", "/usr/local/bin/openssl")
"""Where systems keep it. PATH is not asked: another program of that name would find every signature right."""
_NOT_THE_SYSTEMS: Final = ("-no-CApath", "-no-CAstore")
"""Without these openssl would also trust the system's hundred authorities."""
_COPY: Final = f"Copy the model again together with {DIGESTS} and {SIGNATURE}"


def read_digests(folder: Path) -> tuple[bytes, dict[str, str]]:
    """What SHA256SUMS in `folder` says: its bytes, and SHA-256 by file name.

    Raises OSError, also for what is no regular file of at most a megabyte.
    """
    data = read_small(folder / DIGESTS, _LIMIT_BYTES)
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
    signature = model.parent / SIGNATURE
    try:
        done = _verify(data, read_small(signature, _LIMIT_BYTES), authority)
    except FileNotFoundError as error:
        raise ArtefactError("the models are not signed", where=str(signature), remedy=_COPY) from error
    except OSError as error:
        what = f"the signature cannot be read ({error.strerror})"
        raise ArtefactError(what, where=str(signature), remedy=_COPY) from error
    if done.returncode:
        # openssl's own reason is the part behind the last colons that is meant for people.
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.count(":") > 4]
        why = ":".join(lines[-1].split(":")[5:]).strip(" :")[:200] if lines else "openssl gives no reason"
        remedy = f"{_COPY}; `deploy/authority sign` makes them, with the authority of {authority}"
        raise ArtefactError(f"the signature is not right: {why}", where=str(signature), remedy=remedy)
    if model.name not in listed:
        raise ArtefactError(f"is not among the models in {DIGESTS}", where=str(model), remedy=_COPY)
    if listed[model.name] != digest:
        what = f"is not the file named in {DIGESTS} (SHA-256 {digest[:12]}... here)"
        raise ArtefactError(what, where=str(model), remedy=_COPY)


def digest_of(model: Path) -> str:
    """SHA-256 of a file, hexadecimal. Raises OSError."""
    return hashlib.sha256(model.read_bytes()).hexdigest()


def run_openssl(
    arguments: Sequence[str], data: bytes = b"", held: Sequence[int] = ()
) -> "subprocess.CompletedProcess[bytes]":
    """Run it with `data` on its standard input, and these descriptors open.

    Raises UnavailableError where it cannot be run.
    """
    program = next((path for path in _PROGRAMS if os.access(path, os.X_OK)), None)
    if program is None:
        raise _no_openssl(f"it is none of {', '.join(_PROGRAMS)}")
    try:
        return subprocess.run(  # noqa: S603  no shell; paths are from the site's own configuration
            [program, *arguments],
            input=data,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
            pass_fds=held,
            env={},  # OPENSSL_CONF and the like may load another library
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_openssl(error) from error


def _verify(data: bytes, signature: bytes, authority: Path) -> "subprocess.CompletedProcess[bytes]":
    # The signature is given as it was read: the file may be another one by now.
    held = os.memfd_create("signature")
    try:
        os.write(held, signature)
        command = ["cms", "-verify", "-binary", "-inform", "DER", "-in", f"/dev/fd/{held}"]
        command += ["-content", "/dev/stdin", "-CAfile", str(authority), *_NOT_THE_SYSTEMS]
        return run_openssl([*command, "-no_check_time", "-out", "/dev/null"], data, (held,))
    finally:
        os.close(held)


def _no_openssl(error: object) -> EdgeError:
    remedy = "Install openssl; models that an authority signed or this device learnt need it"
    return UnavailableError(f"openssl cannot be run ({error})", where="signatures of models", remedy=remedy)
