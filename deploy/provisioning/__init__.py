"""Provision devices from a fleet sheet: everything is checked before anything is written."""
