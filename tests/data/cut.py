"""Cut the sample recordings out of the full CWRU files: `python tests/data/cut.py FOLDER_OF_FULL_FILES`.

Deterministic: the same files give the same bytes.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import scipy.io

HERE = Path(__file__).parent
SECONDS = {48000: 5.5, 12000: 4.0}
SECOND_RECORDING_S = 0.25
RATES = {97: 48000, 98: 48000, 99: 48000, 100: 48000, 107: 12000, 120: 12000, 132: 12000}
HEADER = b"MATLAB 5.0 MAT-file, cut from the CWRU Bearing Data Center's file of the same name".ljust(116)


def cut(source: Path, target: Path) -> None:
    """Keep the drive-end signals' first seconds and the speed; the keys and numbers stay as published."""
    rate_hz = RATES[int(source.stem)]
    kept = {}
    for key, value in scipy.io.loadmat(source).items():
        if key.endswith("_DE_time"):
            own = int(key[1:4]) == int(source.stem)
            kept[key] = value[: int(rate_hz * (SECONDS[rate_hz] if own else SECOND_RECORDING_S))]
        elif key.endswith("RPM"):
            kept[key] = value
    scipy.io.savemat(target, kept, do_compression=True)
    # savemat writes the date of the day into the first 116 bytes.
    content = target.read_bytes()
    target.write_bytes(HEADER + content[len(HEADER) :])


def describe(index: Path, target: Path) -> None:
    """Copy the index's lines of the files that were cut, with what is left in them."""
    with index.open(newline="") as file:
        reader = csv.DictReader(file)
        fields, lines = list(reader.fieldnames or ()), list(reader)
    with target.open("w", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        for line in lines:
            number = int(Path(line["file"]).stem)
            if number in RATES:
                found = scipy.io.loadmat(target.parent / f"{number}.mat")
                signals = [key for key in found if key.endswith("_time")]
                line |= {"file": f"{number}.mat", "signals": " ".join(signals)}
                line |= {"samples": str(len(found[f"X{number:03d}_DE_time"]))}
                writer.writerow(line)


def main() -> None:
    """Cut every sample."""
    full = Path(sys.argv[1])
    folder = HERE / "cwru"
    folder.mkdir(exist_ok=True)
    for number in RATES:
        (source,) = full.rglob(f"{number}.mat")
        cut(source, folder / f"{number}.mat")
    describe(full / "index.csv", folder / "index.csv")


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
