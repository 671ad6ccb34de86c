"""Attacks on models that arrive: `python -m tests.attack.updates`."""
