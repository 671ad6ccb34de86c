"""Settings of the whole suite."""

import signal

from hypothesis import settings

# How long an example takes on a busy machine says nothing about the code.
settings.register_profile("steadyhum", deadline=None)
settings.load_profile("steadyhum")

# Started in the background, or by nohup, the suite would hand on ignored signals to the programs it tests.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
