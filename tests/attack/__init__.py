"""Attacks: hostile models, sensors, brokers and recordings, made from a seed; `make attack` runs them all."""
