"""Meanings that no docstring holds: health figures, troubles, other exit codes, environment variables.

`tests/test_reference.py` finds these names in the code, and fails where this file lacks one or has one more.
"""

from edge_runtime.messages.metrics import FIGURES, SENSOR_FIGURES

__all__ = ["FIGURES", "SENSOR_FIGURES"]

TROUBLES = {
    "broker": "There is no connection, and why.",
    "insecure": "Others on the network can read and forge what is sent.",
    "clock": "The wall clock has not been set since boot, or is not synchronised with a time server.",
    "door": "There is no local socket, or not with the rights that it should have, and why.",
    "births": "Home Assistant's start cannot be heard, or too many come; `homeassistant.status`.",
    "homeassistant": "A message of discovery is wrong and is not sent: a fault of this program.",
    "commands": "Commands over MQTT cannot be heard, or too many come; `commands.mqtt`.",
    "reload": "The configuration was not read again, and why.",
    "sensor <name>": "What is wrong with that sensor or its line.",
    "overload of <name>": "That sensor sends faster than it can be read; how many bytes were dropped.",
    "chatter of <name>": "Alarms of that sensor begin more than 6 times a minute; which is held open.",
    "commissioning of <name>": "The learner says nothing, or what was learnt cannot be written.",
    "recording of <name>": "Why nothing of that sensor's recording is written now; watching goes on.",
    "evidence": "Why no vibration is kept around alarms now; alarms go on.",
    "history": "Why no trends are kept now, or that a damaged file was set aside; alarms go on.",
    "transfers": "The broker refuses chunks of evidence, and what to grant.",
    "spool of <name>": "How many of that sensor's alarms were dropped: the spool was full.",
    "spool": "What is wrong with the disk.",
    "spool_corrupt": "The spool was damaged, and what was recovered.",
    "topic <topic>": "The broker refuses the topic, or nobody subscribes to it.",
    "size of <topic>": "A message to the topic is larger than the broker takes.",
    "retained": "The broker keeps no retained messages: who subscribes later sees no state before the next.",
    "unread": "A day's messages are more than the broker keeps for a subscriber that is away: by so many.",
    "held back": "Stored messages that are larger than the broker takes, and wait until it takes them.",
    "set aside": "A stored message that the broker refuses or closes the connection at; it is tried again.",
    "dead letters": "Why the latest dead letter was given up.",
}
"""Of `troubles` in the health message."""

EXIT_CODES = {
    0: "Done; for `run`: stopped by SIGTERM or SIGINT.",
    1: "`doctor`: warnings only. `listen`: messages are missing, or a number came with two bodies.",
    64: "The command line is wrong.",
    70: "A fault of this program: the log says where.",
    74: "The output cannot be written.",
    130: "Interrupted from the keyboard.",
}
"""Those that are no class of error."""

ENVIRONMENT = {
    "XDG_STATE_HOME": ("edge-runtime listen", "Where it remembers what it heard; else ~/.local/state."),
    "NOTIFY_SOCKET": ("edge-runtime run", "Socket of systemd, sd_notify(3); without it nothing is reported."),
    "WATCHDOG_USEC": (
        "edge-runtime run",
        "Microseconds without progress until systemd restarts the service.",
    ),
    "WATCHDOG_PID": ("edge-runtime run", "Process that the watchdog is for; another's is ignored."),
    "RUNTIME_DIRECTORY": (
        "edge-runtime run",
        "Folder that systemd gives the service while it runs; the local socket is in it.",
    ),
    "SUDO_USER": ("edge-runtime alarms, evidence, record", "For whom root acts, noted in the record."),
    "ORT_DISABLE_TELEMETRY": ("both", "Set to 1 unless given: onnxruntime sends and stores nothing."),
    "PYTHONUNBUFFERED": ("unit, container, demo", "Set to 1: log lines appear at once."),
    "OMP_NUM_THREADS": (
        "trainer",
        "Set to 1 in the processes that read a foreign file or learn, as the next two.",
    ),
    "OPENBLAS_NUM_THREADS": ("trainer", "1 in every command, unless it is set: sums come out the same."),
    "MKL_NUM_THREADS": ("trainer", "See OMP_NUM_THREADS."),
    "PATH": ("trainer", "Passed on to the process that reads a foreign file."),
    "LD_LIBRARY_PATH": ("trainer", "Passed on to the process that reads a foreign file."),
    "TMPDIR": ("trainer", "Folder for samples that do not fit in memory; without it /var/tmp, if writable."),
    "SOURCE_DATE_EPOCH": (
        "trainer, packages",
        "Seconds since 1970 written as the time of making: same input, same bytes.",
    ),
    "PYTHON": ("deploy/setup.sh", "Python to set up with."),
    "STEADYHUM_CACHE": ("trainer", "Folder of what was read of recordings, or off."),
    "XDG_CACHE_HOME": ("trainer", "Folder in which that of the cache lies, in place of ~/.cache."),
    "STEADYHUM_SENSOR": ("container", "Name of the sensor in /dev/serial/by-id."),
    "STEADYHUM_DEVICES": (
        "tests",
        "Folder in place of / for /sys, /proc and /dev of sensors that Linux reads.",
    ),
    "STEADYHUM_SHARED_DATA": ("tests", "Folder of the full recordings; without them some tests are skipped."),
    "STEADYHUM_PICTURES": (
        "make test-page",
        "Folder for the pictures of the documents; set by `make test-page PICTURES=docs/pictures`.",
    ),
    "STEADYHUM_HEAVY": ("tests", "The make target whose tests, which need root, are not skipped."),
    "STEADYHUM_HOMEASSISTANT": ("tests", "A Python that has Home Assistant, for `make test-homeassistant`."),
    "STEADYHUM_SOAK": ("tests", "1 runs fault tests at full length."),
    "STEADYHUM_KILLS": ("tests", "How often a gateway is killed."),
    "STEADYHUM_CUTS": ("tests", "How many power cuts are tried."),
    "STEADYHUM_MUTATIONS": ("tests", "How many damaged spool files are tried."),
    "STEADYHUM_EXAMPLES": ("tests", "How many sequences the spool's model test tries."),
    "_EDGE_RUNTIME_COMPLETE": ("edge-runtime", "Set by the shell's completion script."),
    "_TRAINER_COMPLETE": ("trainer", "Set by the shell's completion script."),
}
"""Name to (who reads or sets it, meaning)."""
