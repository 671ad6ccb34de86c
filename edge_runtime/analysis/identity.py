"""Whether the sensor on a line is the one that the site and its model mean, by what it says of itself."""

import math
from dataclasses import dataclass

from edge_runtime.core import Hello, printable


@dataclass(frozen=True, slots=True)
class Identity:
    """What the hello of the right sensor says."""

    unit: str
    channels: tuple[str, ...]
    """Names of its channels, in order."""
    serial: str | None = None
    """Its serial number; None where the site does not state it."""
    range: float = math.inf
    """Largest magnitude it can report, in `unit`, as the site states it; infinite where it does not."""
    others: tuple[tuple[str, "Identity"], ...] = ()
    """The site's other sensors, by name: which of them a wrong one may be."""

    def fits(self, hello: Hello) -> bool:
        """Whether a hello is the right sensor's: quickly, since a line may be full of wrong ones."""
        same = hello.unit == self.unit and hello.channels == self.channels
        return same and self.serial in (None, hello.serial_number)

    def differences(self, hello: Hello) -> str:
        """In what a hello is another sensor's, in words; empty where it is the right one's.

        Its range is no difference: one sensor has several, and the smaller one counts.
        """
        wrong = [*self.model_differences(hello), *self.serial_differences(hello)]
        if wrong:
            wrong += self.swapped_with(hello)
        return "; ".join(wrong)

    def model_differences(self, hello: Hello) -> list[str]:
        """In what a hello is not of the model's kind of sensor."""
        wrong = []
        if hello.unit != self.unit:
            wrong.append(f"unit: the sensor says {_quoted(hello.unit)}, the model needs {_quoted(self.unit)}")
        if hello.channels != self.channels:
            said, made = (", ".join(map(_quoted, names)) for names in (hello.channels, self.channels))
            wrong.append(f"channels: the sensor says {said}, the model needs {made}")
        return wrong

    def serial_differences(self, hello: Hello) -> list[str]:
        """That a hello is of another sensor of whatever kind."""
        if self.serial in (None, hello.serial_number):
            return []
        said = _quoted(hello.serial_number)
        return [f"serial number: the sensor says {said}, the site {_quoted(str(self.serial))}"]

    def swapped_with(self, hello: Hello) -> list[str]:
        """Which other sensor of the site a wrong one is, where it can only be one."""
        names = [name for name, other in self.others if other.fits(hello)]
        return [f"it says what sensor {names[0]!r} should: are they swapped?"] if len(names) == 1 else []


def introduction(hello: Hello) -> str:
    """Who a sensor says it is, in words for people."""
    texts = {"serial number": hello.serial_number, "firmware": hello.firmware}
    said = (f"{name} {_quoted(text)}" for name, text in texts.items() if text)
    return ", ".join((f"sensor id {hello.sensor_id}", *said))


def _quoted(text: str) -> str:
    return repr(printable(text))
