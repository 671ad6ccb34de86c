"""Keys that sign what is published: one Ed25519 key a file, none of which is a device's or a broker's.

keys/root-1.pem ...      who may say which keys count; they belong onto sticks in drawers
keys/targets.pem         who may publish models
keys/snapshot.pem        what belongs together
keys/timestamp.pem       until when it is fresh
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from deploy.certification.certificates import is_encrypted, write_new
from deploy.certification.folder import FORMER
from deploy.certification.passphrase import Passphrase
from edge_runtime.core import AccessError, ConfigError


def make_key(path: Path, passphrase: bytes = b"") -> CryptoSigner:
    """Make a key in a new file, encrypted where a passphrase is given. Raises OSError where it is there."""
    key = Ed25519PrivateKey.generate()
    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        how = serialization.BestAvailableEncryption(passphrase)
    write_new(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
    return CryptoSigner(key)


def read_key(path: Path, passphrase: Passphrase) -> CryptoSigner:
    """Read a key. Raises ConfigError where there is none, AccessError for a wrong passphrase."""
    try:
        secret = passphrase() if is_encrypted(path) else None
        key = serialization.load_pem_private_key(path.read_bytes(), secret)
    except FileNotFoundError as error:
        remedy = "Bring it back from where you keep it, or give its file by --root-key"
        raise ConfigError("this key is not here", where=str(path), remedy=remedy) from error
    except ValueError as error:
        remedy = "Give the right passphrase, or the right file"
        raise AccessError("cannot be opened", where=str(path), remedy=remedy) from error
    if not isinstance(key, Ed25519PrivateKey):
        remedy = "Give a key that `deploy/authority models` made"
        raise ConfigError("is no Ed25519 key", where=str(path), remedy=remedy)
    return CryptoSigner(key)


def root_keys(folder: Path, given: Iterable[Path], passphrase: Passphrase) -> list[CryptoSigner]:
    """The keys of root that are given, and those in the folder."""
    return [read_key(path, passphrase) for path in {*given, *folder.glob("root-*.pem")}]


def set_aside(path: Path) -> None:
    """Move a key that does not count any more into `former`, where nothing is overwritten."""
    if path.exists():
        former = path.parent / FORMER
        former.mkdir(mode=0o700, exist_ok=True)
        number = sum(1 for _ in former.iterdir()) + 1
        shutil.move(path, former / f"{path.stem}-{number}{path.suffix}")
