"""Parsing recordings, each in a process that may crash."""
