"""Writes recordings by npTDMS, pyuff and pandas: run by the interpreter that has them, given a folder.

It uses nothing of this project, so that what is read is what they write. The values are in `values.npy`.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyuff
from nptdms import ChannelObject, GroupObject, RootObject, TdmsWriter

COUNT = 5000
VALUES = np.random.default_rng(0).normal(size=(COUNT, 2))


def write_tdms(folder: Path) -> None:
    """Segments with waveform properties, a channel of stamps, and scaled counts beside a clock with a gap."""
    said = {"wf_increment": 1 / 25600, "wf_samples": 1000, "wf_start_offset": 0.0, "unit_string": "g"}
    with TdmsWriter(folder / "waveform.tdms") as file:
        for first in range(0, COUNT, 1000):
            part = VALUES[first : first + 1000]
            channels = [ChannelObject("vib", name, part[:, at], said) for at, name in enumerate("xy")]
            file.write_segment([RootObject({"by": "us"}), GroupObject("vib", {"a": 1}), *channels])
    stamps = np.datetime64("2026-11-26T10:00", "us") + np.arange(COUNT) * np.timedelta64(625, "us")
    with TdmsWriter(folder / "stamps.tdms") as file:
        clock = ChannelObject("g", "time", stamps)
        others = [ChannelObject("g", "y", VALUES[:, 1]), ChannelObject("g", "state", ["run"] * COUNT)]
        file.write_segment([clock, ChannelObject("g", "x", VALUES[:, 0]), *others])


def write_universal(folder: Path) -> None:
    """Text of two channels in single and double values, and one channel of bytes."""
    for name, binary, ordinate, channels in (("single", 0, 2, 2), ("double", 0, 4, 2), ("bytes", 1, 4, 1)):
        sets: list[Any] = [
            dict(  # noqa: C408  pyuff's names are keywords
                type=58,
                binary=binary,
                func_type=1,
                rsp_node=1,
                rsp_dir=at + 1,
                data=VALUES[:, at],
                x=np.arange(COUNT) / 25600,
                id1=f"channel {'xy'[at]}",
                ord_data_type=ordinate,
                abscissa_spec_data_type=17,
                abscissa_axis_units_lab="s",
                ordinate_spec_data_type=12,
                ordinate_axis_units_lab="g",
                orddenom_spec_data_type=0,
                z_axis_spec_data_type=0,
                abscissa_spacing=1,
                ver_num=1,
                rsp_ent_name="NONE",
                ref_ent_name="NONE",
                ref_node=0,
                ref_dir=0,
                load_case_id=0,
            )
            for at in range(channels)
        ]
        pyuff.UFF(str(folder / f"{name}.uff")).write_sets(sets, "add")


def write_parquet(folder: Path) -> None:
    """A frame with a column of time, and one whose index it is, in groups of rows."""
    times = pd.date_range("2026-11-26", periods=COUNT, freq="625us")
    frame = pd.DataFrame({"time": times, "x [g]": VALUES[:, 0], "y [g]": VALUES[:, 1], "state": "run"})
    frame.to_parquet(folder / "frame.parquet")
    frame.set_index("time").to_parquet(folder / "index.parquet", row_group_size=700, compression="zstd")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    np.save(target / "values.npy", VALUES)
    write_tdms(target)
    write_universal(target)
    write_parquet(target)
