"""Damages the files of a spool, each kind of damage by a seed: `damage(folder, random)` says what it did."""

import random as randoms
from pathlib import Path

Random = randoms.Random

PAGE = 4096


def damage(folder: Path, random: Random) -> str:
    """Do one thing to one file of the spool in `folder`; returns a description."""
    names = [name for name in ("spool.db", "spool.db-wal") if (folder / name).exists()]
    path = folder / random.choice(names)
    data = bytearray(path.read_bytes())
    kind = random.choice([_flip_bit, _flip_bytes, _header_byte, _zero_page, _random_page, _truncate, _odd])
    what = kind(path, data, random) if data else _odd(path, data, random)
    return f"{path.name}: {what}"


def _flip_bit(path: Path, data: bytearray, random: Random) -> str:
    at, bit = random.randrange(len(data)), random.randrange(8)
    data[at] ^= 1 << bit
    path.write_bytes(data)
    return f"bit {bit} of byte {at} flipped"


def _flip_bytes(path: Path, data: bytearray, random: Random) -> str:
    at, count = random.randrange(len(data)), random.randrange(1, 200)
    data[at : at + count] = random.randbytes(len(data[at : at + count]))
    path.write_bytes(data)
    return f"{count} bytes at {at} overwritten"


def _header_byte(path: Path, data: bytearray, random: Random) -> str:
    at = random.randrange(min(100, len(data)))
    data[at] = random.randrange(256)
    path.write_bytes(data)
    return f"header byte {at} set to {data[at]}"


def _zero_page(path: Path, data: bytearray, random: Random) -> str:
    page = random.randrange(len(data) // PAGE + 1)
    data[page * PAGE : (page + 1) * PAGE] = bytes(len(data[page * PAGE : (page + 1) * PAGE]))
    path.write_bytes(data)
    return f"page {page} zeroed"


def _random_page(path: Path, data: bytearray, random: Random) -> str:
    page = random.randrange(len(data) // PAGE + 1)
    data[page * PAGE : (page + 1) * PAGE] = random.randbytes(len(data[page * PAGE : (page + 1) * PAGE]))
    path.write_bytes(data)
    return f"page {page} overwritten"


def _truncate(path: Path, data: bytearray, random: Random) -> str:
    size = random.randrange(len(data))
    path.write_bytes(data[:size])
    return f"cut to {size} bytes"


def _odd(path: Path, data: bytearray, random: Random) -> str:
    kind = random.choice(["gone", "empty", "zeros", "text", "twice"])
    if kind == "gone":
        path.unlink()
    else:
        contents: dict[str, bytes] = {
            "empty": b"",
            "zeros": bytes(len(data)),
            "text": b"not a database\n" * 400,
            "twice": bytes(data * 2),
        }
        path.write_bytes(contents[kind])
    return kind


def seeded(seed: int | str) -> Random:
    """A generator of random numbers that a failing test can name."""
    return randoms.Random(seed)
