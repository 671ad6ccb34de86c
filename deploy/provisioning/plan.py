"""What will be written for a device, decided before anything is: `CardPlan`."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.certification.certificates import Pair, write_secret
from deploy.provisioning.sheet import Device
from edge_runtime.models import DIGESTS

HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class CardPlan:
    """All files of a device but its certificate, which is signed once everything else is right."""

    device: Device
    texts: dict[str, bytes]
    """Files by their path below the device's folder."""
    copies: dict[str, Path]
    """Larger files, copied from where they are."""
    pair: Pair | None
    """The certificate there is already; None when one is to be signed."""

    @property
    def size(self) -> int:
        """Bytes that will be written; an upper bound."""
        copied = sum(source.stat().st_size for source in self.copies.values())
        return copied + sum(map(len, self.texts.values())) + 16 * 1024  # certificate, key, digests

    def picture(self, where: Path) -> str:
        """What will be written, as a tree."""
        secret = "device.crt, device.key (" + ("to be signed" if self.pair is None else "there already") + ")"
        sizes = {name: len(text) for name, text in self.texts.items()}
        sizes |= {name: source.stat().st_size for name, source in self.copies.items()}
        lines = [f"{where}  <- {self.device.name}: {', '.join(s.name for s in self.device.sensors)}"]
        lines += [f"  {name:<56}{_readable(size):>10}" for name, size in sorted(sizes.items())]
        lines.append(f"  steadyhum/{secret}; the key leaves the card at the first boot")
        return "\n".join(lines)

    def write(self, folder: Path, pair: Pair, card: Path, card_text: str) -> None:
        """Write everything into `folder`, digests last, and the printable card to `card`. Raises OSError.

        Files of an earlier provisioning are removed: its key, and its mark that all is installed.
        """
        if (folder / "steadyhum").exists():
            shutil.rmtree(folder / "steadyhum")
        for name, text in self.texts.items():
            _write(folder / name, text)
        for name, source in self.copies.items():
            _write(folder / name, source.read_bytes())
        home = folder / "steadyhum"
        _write(home / "device.crt", pair.certificate_pem)
        write_secret(home / "device.key", pair.key_pem)
        _write(home / DIGESTS, _digests(home).encode())
        _write(card, card_text.encode())
        os.sync()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _digests(home: Path) -> str:
    files = [file for file in sorted(home.rglob("*")) if file.is_file() and file.name != DIGESTS]
    files += [file for file in sorted(home.rglob(DIGESTS)) if file.parent != home]
    digest = {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    return "".join(f"{value}  {file.relative_to(home)}\n" for file, value in digest.items())


def _readable(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size > 2**20 else f"{size} B"
