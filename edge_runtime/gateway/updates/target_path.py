"""For whom a published model is: `TargetPath`, which is its name in the signed list. Pure.

    SITE/device/DEVICE/SENSOR/MODEL.onnx
    SITE/group/GROUP/SENSOR/MODEL.onnx

A model's bytes are signed under such a name alone, so that nothing of one place is taken up at another.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from edge_runtime.core import is_topic_level

DEVICE: Final = "device"
GROUP: Final = "group"
SUFFIX: Final = ".onnx"
MODEL_BYTES: Final = 120
"""Of a model's name: behind 64 digits and a dot it is the name of a file, which has 255."""
_NOT_ON_STICKS: Final = re.compile(r'[<>:"|?*\\]|[. ]$|^\.')
"""What FAT, which sticks have, does not take in names, and what hides a file."""


@dataclass(frozen=True, slots=True)
class TargetPath:
    """The parts of such a name."""

    site: str
    kind: str
    """`device` or `group`."""
    who: str
    """Which device or group."""
    sensor: str
    model: str
    """`name` of its manifest."""

    def __str__(self) -> str:
        """Write the name as it is signed."""
        return f"{self.site}/{self.kind}/{self.who}/{self.sensor}/{self.model}{SUFFIX}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read such a name. Raises ValueError for what is none, also for one that no file can have."""
        site, kind, who, sensor, file = text.split("/") if text.count("/") == 4 else [""] * 5
        path = cls(site, kind, who, sensor, file.removesuffix(SUFFIX))
        problems = [level for level in (site, who, sensor, path.model) if not fits(level)]
        if str(path) != text or kind not in (DEVICE, GROUP) or problems:
            raise ValueError("no SITE/device/DEVICE/SENSOR/MODEL.onnx or SITE/group/GROUP/SENSOR/MODEL.onnx")
        if len(path.model.encode()) > MODEL_BYTES:
            raise ValueError(f"a model's name has at most {MODEL_BYTES} bytes")
        return path


def fits(level: str) -> bool:
    """Whether this can be one level of a topic, and the name of a file or folder on a stick."""
    return is_topic_level(level) and not _NOT_ON_STICKS.search(level)
