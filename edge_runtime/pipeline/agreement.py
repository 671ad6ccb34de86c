"""Whether a recording is of the sensor that a model was made for."""

from edge_runtime.core import DataError, Manifest, printable


def compare(manifest: Manifest, rate_hz: float, channels: int, unit: str, where: str) -> None:
    """Raise DataError with both values where a recording and a model disagree.

    `channels` is their number: a recording may name them as it likes, and may leave the unit out.
    """
    pairs = {
        "rate": (f"{rate_hz:g} Hz", f"{manifest.rate_hz:g} Hz"),
        "channels": (channels, len(manifest.channels)),
        "unit": (printable(unit or manifest.unit), manifest.unit),
    }
    wrong = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if wrong:
        raise DataError(
            "; ".join(
                f"{name} is {has} in the recording and {made} in the model"
                for name, (has, made) in wrong.items()
            ),
            where=where,
            remedy="Convert the recording to the model's rate, or use a model made for this sensor",
        )
