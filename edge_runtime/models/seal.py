"""What this device learnt, sealed by a key that it makes itself: a list and a signature as an authority's.

    <state folder>/seal/device.key   the key, for nobody but the service; in no backup
    <state folder>/seal/device.pem   its certificate, of the only purpose that signs lists of models

A model that somebody puts beside those that were learnt here, or changes, is not run. Who may write the state
folder and read the key can seal, as who holds an authority's key can sign.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edge_runtime.core import ArtefactError, UnavailableError, write_whole
from edge_runtime.models.signature import DIGESTS, SIGNATURE, check_signed, run_openssl

SEAL_FOLDER: Final = "seal"
_KEY: Final = "device.key"
CERTIFICATE: Final = "device.pem"
_DAYS: Final = "36500"
"""A hundred years: nobody asks for its dates, since a board may start in the past."""
_MAKE: Final = (
    *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
    *("-config", "/dev/null", "-subj", "/CN=steadyhum: learnt on this device", "-days", _DAYS),
    *("-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=digitalSignature"),
    *("-addext", "extendedKeyUsage=emailProtection"),
)
_LEARN_AGAIN: Final = (
    "Restore a backup (edge-runtime restore), or learn again: edge-runtime commission SENSOR learn"
)


def seal_certificate(state_folder: Path) -> Path:
    """Where the certificate of this device's own key lies, once it has made one."""
    return state_folder / SEAL_FOLDER / CERTIFICATE


def seal_files(folder: Path, names: Sequence[str], state_folder: Path) -> None:
    """List these files of `folder` and sign the list; this device's key is made where there is none.

    Raises OSError, and UnavailableError where openssl cannot do it.
    """
    _make_key(state_folder)
    keys = state_folder / SEAL_FOLDER
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    data = "".join(lines).encode()
    command = ["cms", "-sign", "-binary", "-in", "/dev/stdin", "-outform", "DER"]
    signature = _openssl([*command, "-signer", str(keys / CERTIFICATE), "-inkey", str(keys / _KEY)], data)
    write_whole(folder / DIGESTS, data)
    write_whole(folder / SIGNATURE, signature)


def check_sealed(file: Path, digest: str, state_folder: Path) -> None:
    """Raise unless this device sealed `file` with this SHA-256.

    ArtefactError for no seal, a wrong one, or another device's; UnavailableError where openssl cannot be run.
    """
    certificate = seal_certificate(state_folder)
    if not certificate.is_file():
        what = "this device has sealed nothing yet, so it did not learn this model"
        raise ArtefactError(what, where=str(file), remedy=_LEARN_AGAIN)
    try:
        check_signed(file, digest, certificate)
    except ArtefactError as error:
        what = f"is not as this device sealed it: {error.what}"
        raise ArtefactError(what, where=str(file), remedy=_LEARN_AGAIN) from error


def _make_key(state_folder: Path) -> None:
    folder = state_folder / SEAL_FOLDER
    if (folder / _KEY).is_file() and (folder / CERTIFICATE).is_file():
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    made = _openssl([*_MAKE, "-keyout", "/dev/stdout"])
    begin = made.index(b"-----BEGIN CERTIFICATE")
    key, certificate = made[:begin], made[begin:]
    descriptor = os.open(folder / f".{_KEY}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    # The certificate last: with it there is a key, and a power cut before leaves none.
    (folder / f".{_KEY}.new").replace(folder / _KEY)
    write_whole(folder / CERTIFICATE, certificate)


def _openssl(arguments: Sequence[str], data: bytes = b"") -> bytes:
    done = run_openssl(arguments, data)
    if done.returncode or not done.stdout:
        why = (done.stderr.decode(errors="replace").splitlines() or ["it gives no reason"])[-1][:200]
        raise UnavailableError(
            f"openssl could not do it: {why}", where=SEAL_FOLDER, remedy="Install openssl 3, as Debian 12 has"
        )
    return done.stdout
