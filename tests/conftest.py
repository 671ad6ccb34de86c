"""Settings of the whole suite."""

from hypothesis import settings

# How long an example takes on a busy machine says nothing about the code.
settings.register_profile("steadyhum", deadline=None)
settings.load_profile("steadyhum")
