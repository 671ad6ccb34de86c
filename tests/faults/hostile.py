"""Hostile bytes for the frame decoder, seeded: `python -m tests.faults.hostile COUNT` counts what comes out.

`python -m tests.faults.hostile BYTES noise` is a line with nothing but noise on it. Of the COUNT inputs it is
a quarter each: random bytes, real frames with bits turned over, real frames cut or glued, and bodies with a
valid checksum whose fields lie. Whatever the decoder accepts of the first three is a corruption it missed.
"""

import random
import struct
import sys
import time
import zlib
from collections import Counter

import numpy as np
from cobs import cobs

from edge_runtime.core.records import Fault, Frame, Hello
from edge_runtime.sensors.protocols.frames import MAX_BODY, FrameDecoder, encode_data, encode_hello
from edge_runtime.sensors.protocols.text_lines import LineDecoder

CHUNK = 65536
LONGEST_TAIL = MAX_BODY + MAX_BODY // 254 + 1
_HEADER = struct.Struct("<BBIIIQIfHBBH")


def buffered(decoder: FrameDecoder | LineDecoder) -> int:
    """Bytes that a decoder keeps of what it was given: that they are bounded shows nowhere else."""
    return len(decoder._tail)  # noqa: SLF001 - see above


def frame(rng: random.Random) -> Frame:
    count, channels = rng.randrange(1, 20), rng.randrange(1, 4)
    samples = np.frombuffer(rng.randbytes(2 * count * channels), "<i2").reshape(count, channels)
    return Frame(1, 1, rng.getrandbits(32), rng.getrandbits(63), 12000.0, 0.001, 0, samples)


def liar(rng: random.Random) -> bytes:
    """Fields at the edges of their types, with a checksum that agrees."""
    edge = rng.choice
    body = _HEADER.pack(
        edge([0, 1, 1, 1, 2, 255]),
        edge([0, 1, 1, 1, 2, 255]),
        rng.getrandbits(32),
        rng.getrandbits(32),
        edge([0, 1, 2**32 - 1]),
        edge([0, 1, 2**64 - 1]),
        edge([0, 1, 12_000_000, 2**32 - 1]),
        edge([0.0, 1.0, -1.0, float("nan"), float("inf"), 1e-45]),
        edge([0, 65535]),
        edge([0, 1, 3, 16, 17, 255]),
        edge([0, 1, 2, 3, 4, 255]),
        edge([0, 1, 2, 4096, 4097, 65535]),
    ) + rng.randbytes(rng.randrange(0, 64))
    return bytes(cobs.encode(body + struct.pack("<I", zlib.crc32(body)))) + b"\0"


def flipped(rng: random.Random, data: bytes) -> bytes:
    turned = bytearray(data)
    for bit in rng.sample(range(8 * len(turned)), rng.choice([1, 2, 3, 8])):
        turned[bit // 8] ^= 1 << bit % 8
    return bytes(turned)


def attack(count: int, seed: int = 0) -> tuple[Counter[str], int]:
    """Feed `count` inputs; return what came out by kind, and the longest buffer."""
    rng = random.Random(seed)
    seen: Counter[str] = Counter()
    longest = 0
    pool = [encode_data(frame(rng)) for _ in range(200)] + [
        encode_hello(Hello(1, 1, ("x",), "g", 16.0, "", ""))
    ]
    decoder = FrameDecoder()
    for index in range(count):
        kind = index % 4
        original = pool[rng.randrange(len(pool))]
        if kind == 0:
            data = rng.randbytes(rng.randrange(1, 120))
        elif kind == 1:
            data = b"\0" + flipped(rng, original) + b"\0"
        elif kind == 2:
            # No zero in what replaces the end: it could complete the very frame that was cut.
            data = (
                b"\0"
                + original[: rng.randrange(1, len(original) - 1)]
                + bytes(rng.choices(range(1, 256), k=3))
                + b"\0"
            )
        else:
            data = b"\0" + liar(rng)
        for item in decoder.feed(data):
            name = "lying" if kind == 3 else "corrupt"
            seen[f"{name} refused" if isinstance(item, Fault) else f"{name} accepted"] += 1
        longest = max(longest, buffered(decoder))
    return seen, longest


def noise(size: int, seed: int = 0) -> tuple[Counter[str], int]:
    """Feed so many random bytes as a port would give them; return what came out, and the longest buffer."""
    rng, decoder, longest = random.Random(seed), FrameDecoder(), 0
    seen: Counter[str] = Counter()
    for at in range(0, size, CHUNK):
        for item in decoder.feed(rng.randbytes(min(CHUNK, size - at))):
            seen["refused" if isinstance(item, Fault) else "accepted"] += 1
        longest = max(longest, buffered(decoder))
    return seen, longest


if __name__ == "__main__":
    begun_s = time.monotonic()
    total = int(float(sys.argv[1]))
    if sys.argv[2:] == ["noise"]:
        seen, longest_tail = noise(total)
        rate = total / (time.monotonic() - begun_s) / 1e6
        print(f"{total} bytes of noise, {rate:.0f} MB/s: {dict(seen)}, longest buffer {longest_tail}")
        sys.exit()
    outcome, longest_tail = attack(total)
    seconds = time.monotonic() - begun_s
    print(f"{total} inputs in {seconds:.0f} s, no exception: {dict(outcome)}, longest buffer {longest_tail}")
