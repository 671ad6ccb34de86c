"""Recordings that the well-known libraries of other formats write, read here."""
