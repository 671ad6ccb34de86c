"""Certificates and keys as files, as a site has them."""

from pathlib import Path
from typing import Any

import trustme


def pem(path: Path, *blobs: trustme.Blob) -> Path:
    path.write_bytes(b"".join(blob.bytes() for blob in blobs))
    path.chmod(0o600)
    return path


def identity(folder: Path, authority: trustme.CA, name: str, **how: Any) -> tuple[Path, Path]:
    """A certificate and its key, as two files."""
    made = authority.issue_cert(name, **how)
    return pem(folder / f"{name}.crt", *made.cert_chain_pems), pem(
        folder / f"{name}.key", made.private_key_pem
    )
