"""A sensor on a Raspberry Pi Pico: copy this file and the two beside it to the board.

ADXL345 on SPI 0 (SCK 18, MOSI 19, MISO 16, CS 17), frames over UART 0 at 921600 baud (TX on pin 0).
"""

import os
import time

import machine
from accelerometers import ADXL345, SPI
from steadyhum import Clock, Framer, Sampler, crc32, measured_rate_mhz

RATE_HZ = 3200  # the fastest of an ADXL345
HELLO_US = 4 * 1000000  # a gateway that starts later, or heard a damaged one, knows the sensor soon


def main():
    """Send frames until power-off."""
    # What is written waits in 8 KB, 89 ms of the line: as long as flash or a pause of the collector takes.
    line = machine.UART(0, 921600, tx=machine.Pin(0), rx=machine.Pin(1), txbuf=8192)
    # 4 MHz of the 5 that the chip takes, in its mode 3.
    bus = machine.SPI(0, 4000000, polarity=1, phase=1)
    chip = ADXL345(SPI(bus, machine.Pin(17, machine.Pin.OUT)), RATE_HZ)
    clock = Clock(time.ticks_us, time.ticks_diff)
    sensor_id = crc32(machine.unique_id()) & 0xFFFFFFFF
    boot_id = int.from_bytes(os.urandom(4), "little")
    framer = Framer(sensor_id, boot_id, measured_rate_mhz(chip, clock), chip.scale, 3)
    serial_number = "".join("%02x" % byte for byte in machine.unique_id())
    sampler = Sampler(chip, framer, clock, count=32)
    hello_us = -HELLO_US
    while True:
        if clock() - hello_us >= HELLO_US:
            hello_us = clock()
            line.write(framer.hello(("x", "y", "z"), "g", chip.reach, serial_number, "steadyhum 1"))
        for frame in sampler.poll():
            line.write(frame)


main()
