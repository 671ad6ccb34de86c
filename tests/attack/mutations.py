"""Small good recordings of every format, and their mutations: `good_files`, `mutated`.

Mutations hit headers, lengths, types and single bytes, of the file or, in an archive, of a member before it
is packed.
"""

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any, Final

import h5py
import numpy as np
import scipy.io
import scipy.io.wavfile

from tests.trainer.containers import TdmsFile, long_wav, parquet_file, universal_file

INTERESTING: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
MANY: Final = (1, 1, 1, 1, 2, 3, 6)
"""Changes of a file: most parsers stop at the first that they notice."""
WORDS: Final = (b"nan", b"inf", b"-1", b"1e308", b"1e-300", b"0", b"True", b"\x1b[2J", b"$\\frac{$", b"[/x]")


def values(count: int = 128) -> np.ndarray:
    """Noise, [count, 1]."""
    return np.random.default_rng(5).standard_normal((count, 1))


def good_files() -> dict[str, bytes]:
    """Small recordings of each format that the trainer reads, by a name with the ending."""
    made: dict[str, bytes] = {}
    for name, version, packed in (("4", "4", False), ("5", "5", False), ("5z", "5", True)):
        out: Any = io.BytesIO()  # which the stubs do not know as a file
        kind: Any = version
        scipy.io.savemat(out, {"vib": values(), "speed": 3.0}, format=kind, do_compression=packed)
        made[f"matlab{name}.mat"] = out.getvalue()
    for name, compression in (("73", None), ("73z", "gzip")):
        out = io.BytesIO()
        with h5py.File(out, "w", userblock_size=512) as file:
            file.create_dataset("vib", data=values().T, compression=compression)
        head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
        made[f"matlab{name}.mat"] = head + out.getvalue()[len(head) :]
    for name, save in (("plain", np.savez), ("packed", np.savez_compressed)):
        out = io.BytesIO()
        save(out, samples=values().astype(np.float32), rate_hz=np.float64(1000), unit=np.array("g"))
        made[f"{name}.npz"] = out.getvalue()
    rows = (f"{at},{value:.6f}" for at, value in enumerate(values()[:, 0]))
    made["timed.csv"] = "\n".join(("timestamp,accX", *rows)).encode()
    made["plain.csv"] = "\n".join(f"{value:.6f}" for value in values()[:, 0]).encode()
    stamps = (f"2026-11-26T10:00:00,{at:03d}" for at in range(128))
    cells = (f"{value:.6f}".replace(".", ",") for value in values()[:, 0])
    lines = (f"{stamp};{cell};run" for stamp, cell in zip(stamps, cells, strict=True))
    made["stamped.csv"] = "\r\n".join(("Logger; 7", "Date;x;state", ";(g);", *lines)).encode("utf-16")
    out = io.BytesIO()
    scipy.io.savemat(out, {"bearing": {"x": values(), "sr": 1000.0}})
    made["struct.mat"] = out.getvalue()
    sensors = [{"name": "x", "units": "g"}]
    payload = {"interval_ms": 1.0, "sensors": sensors, "values": values().tolist()}
    made["acquired.json"] = json.dumps({"payload": payload}).encode()
    made["bearing.csv"] = "".join(
        f"9,39,39,{1000 * at},{value:.3f}\n" for at, value in enumerate(values()[:, 0])
    ).encode()
    made["text.uff"] = universal_file(values(), 1000)
    made["binary.uff"] = universal_file(values(), 1000, binary="<")
    said = {"wf_increment": 0.001, "NI_Number_Of_Scales": 1, "NI_Scale[0]_Scale_Type": "Linear"}
    said |= {"NI_Scale[0]_Linear_Slope": 2.0, "NI_Scale[0]_Linear_Input_Source": 2**32 - 1}
    tdms = TdmsFile().segment({"/'a'/'x'": values()[:64, 0]}, {"/'a'/'x'": said}, chunks=4)
    made["segments.tdms"] = tdms.segment({"/'a'/'x'": values()[64:, 0]}, again=True).data
    times = np.datetime64("2026-11-26", "ms") + np.arange(128) * np.timedelta64(1, "ms")
    made["typed.parquet"] = parquet_file({"time": times, "x [g]": values()[:, 0]}, 50)
    made["long.wav"] = long_wav((3000 * values()).astype(np.int16), 1000)
    for name, dtype in (("float", np.float32), ("integer", np.int16)):
        out = io.BytesIO()
        scale = 1 if name == "float" else 3000
        scipy.io.wavfile.write(out, 1000, (scale * values()).astype(dtype))
        made[f"{name}.wav"] = out.getvalue()
    return made


def mutated(name: str, good: bytes, dice: random.Random) -> bytes:
    """The file with one to six changes; members of an archive are changed before they are packed."""
    if name.endswith(".npz") and dice.random() < 0.7:
        return _with_member_changed(good, dice)
    found = bytearray(good)
    for _ in range(dice.choice(MANY)):
        # Headers are small and matter most.
        reach = min(len(found), dice.choice((64, 256, 1024, 1 << 30)))
        if found:
            dice.choice(CHANGES)(found, dice.randrange(reach), dice)
    return bytes(found)


def _with_member_changed(good: bytes, dice: random.Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(out, "w") as target:
        chosen = dice.choice(source.namelist())
        for member in source.namelist():
            content = bytearray(source.read(member))
            if member == chosen:
                for _ in range(dice.choice(MANY)):
                    reach = min(len(content), dice.choice((16, 128, 1 << 30)))
                    dice.choice(CHANGES)(content, dice.randrange(max(1, reach)), dice)
            target.writestr(member, bytes(content))
    return out.getvalue()


def _one_bit(content: bytearray, at: int, dice: random.Random) -> None:
    if at < len(content):
        content[at] ^= 1 << dice.randrange(8)


def _one_byte(content: bytearray, at: int, dice: random.Random) -> None:
    if at < len(content):
        content[at] = dice.randrange(256)


def _number(content: bytearray, at: int, dice: random.Random) -> None:
    """A length or type at its limits, of two, four or eight bytes, either byte order, mostly aligned."""
    width = dice.choice((2, 4, 8))
    value = dice.choice(INTERESTING) + dice.choice((0, 0, 1, -1))
    at -= at % width if dice.random() < 0.8 else 0
    order: Any = dice.choice(("little", "big"))
    content[at : at + width] = (value % (1 << (8 * width))).to_bytes(width, order)


def _float(content: bytearray, at: int, dice: random.Random) -> None:
    odd = dice.choice((0.0, -1.0, float("nan"), float("inf"), 1e-300, 1e308))
    content[at - at % 8 : at - at % 8 + 8] = struct.pack("<d", odd)


def _word(content: bytearray, at: int, dice: random.Random) -> None:
    word = dice.choice(WORDS)
    content[at : at + len(word)] = word


def _insert(content: bytearray, at: int, dice: random.Random) -> None:
    content[at:at] = dice.choice(WORDS) if dice.random() < 0.5 else dice.randbytes(dice.randint(1, 9))


def _delete(content: bytearray, at: int, dice: random.Random) -> None:
    del content[at : at + dice.choice((1, 2, 4, 8, 100))]


def _cut(content: bytearray, at: int, dice: random.Random) -> None:
    if dice.random() < 0.2:
        del content[at:]


def _copy(content: bytearray, at: int, dice: random.Random) -> None:
    start = dice.randrange(len(content) + 1)
    part = content[start : start + dice.choice((4, 8, 64))]
    content[at : at + len(part)] = part


Change = Callable[[bytearray, int, random.Random], None]
CHANGES: Final[tuple[Change, ...]] = (
    _one_bit,
    _one_byte,
    _number,
    _number,
    _float,
    _word,
    _insert,
    _delete,
    _cut,
    _copy,
)
