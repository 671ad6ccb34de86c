"""Attacks on the parts of the gateway, and what they cost."""
