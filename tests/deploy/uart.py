"""A serial line to bits and back: what a receiver makes of bytes sent at another baud rate."""


def received(data: bytes, sent_baud: int, read_baud: int) -> bytes:
    """Bytes an 8N1 receiver at `read_baud` gets from `data` sent without pause at `sent_baud`."""
    bits = [1] * 4
    for byte in data:
        bits += [0, *((byte >> index) & 1 for index in range(8)), 1]
    bits += [1] * 12
    step = sent_baud / read_baud
    got, at = bytearray(), 0.0
    while at < len(bits) - 1:
        if bits[int(at)]:
            at += step / 16  # a receiver looks for the start bit sixteen times a bit
            continue
        centres = [at + step * (1.5 + index) for index in range(9)]
        if centres[-1] >= len(bits):
            break
        values = [bits[int(centre)] for centre in centres]
        got.append(sum(value << index for index, value in enumerate(values[:8])))
        at = centres[-1] + (0 if values[8] else step / 2)
    return bytes(got)
