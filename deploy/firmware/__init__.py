"""What runs on the sensor: steadyhum frames for MicroPython and for Arduino, and their test vectors."""
