"""Rates that were measured, or written with few digits, and the round numbers that they stand for."""


def roundest(value: float, share: float) -> float:
    """Return the number with the fewest digits that is off by no more than a share."""
    near = (float(f"{value:.{digits}g}") for digits in range(1, 17))
    return next((number for number in near if abs(number / value - 1) <= share), value)
