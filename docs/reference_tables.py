"""Meanings that no docstring holds: health figures, troubles, other exit codes, environment variables.

`tests/test_reference.py` finds these names in the code, and fails where this file lacks one or has one more.
"""

SENSOR_FIGURES = {
    "frames": ("counter", "Frames decoded since the service started."),
    "windows": ("counter", "Windows judged since the service started."),
    "usable_share": ("gauge", "Share of the last minute (`usable_span_s`) that gave usable windows."),
    "rate_hz": ("gauge", "Sampling rate by the gateway's clock, Hz; null until it is known."),
    "port_opened": (
        "counter",
        "How often the port was opened; more than 1: a sensor came back, or was silent.",
    ),
    "dropped_bytes": ("counter", "Bytes of this sensor dropped because it sends faster than it can be read."),
    "alarms_active": ("gauge", "Alarms of this sensor that have begun and not ended."),
    "faults.<kind>": ("counter", "What could not be used, by kind; see below."),
}
"""Of `sensor` in the health message: name to (kind, meaning)."""

FIGURES = {
    "names_refused": ("counter", "Names of figures that were not taken because there are too many."),
    "inbox.dropped": ("counter", "Chunks of bytes dropped because scoring did not keep up."),
    "clock.steps": ("counter", "How often the wall clock was set while the service ran."),
    "clock.stepped_s": ("gauge", "By how much it was set the last time, seconds; null before."),
    "door.clients": ("gauge", "Connections to the local socket now."),
    "door.requests": ("counter", "Requests that came through the local socket."),
    "door.refused": ("counter", "Of these, answered with an error by the door itself."),
    "door.turned_away": ("counter", "Connections refused because there were too many."),
    "door.lagged": ("counter", "Subscribers dropped because they did not keep up."),
    "recording.active": ("gauge", "Recordings that go on now."),
    "recording.written_bytes": ("counter", "Bytes written to captures."),
    "recording.lost_bytes": (
        "counter",
        "Bytes of recorded sensors that were not written: the disk refused them, or was too slow.",
    ),
    "recording.thinned": ("counter", "Snapshots deleted to make room for others."),
    "evidence.kept": ("counter", "Captures around alarms that were written whole or in part."),
    "evidence.missed": (
        "counter",
        "Captures around alarms that were not: the disk refused them, or alarms came too fast.",
    ),
    "evidence.removed": ("counter", "Captures around alarms removed to make room."),
    "evidence.captures": ("gauge", "Captures around alarms that there are."),
    "evidence.bytes": ("gauge", "Bytes that they take."),
    "evidence.memory_bytes": (
        "gauge",
        "Memory that the latest vibration of all sensors takes; at most `evidence.memory_bytes`.",
    ),
    "mqtt.connected": ("gauge", "1 while the broker has accepted the connection, else 0."),
    "mqtt.connections": ("counter", "Connections made."),
    "mqtt.connections_lost": ("counter", "Connections lost and attempts that failed."),
    "mqtt.delivered": (
        "counter",
        "Stored messages that the broker acknowledged, those without a subscriber left out.",
    ),
    "mqtt.unheard": (
        "counter",
        "Stored messages acknowledged that had no subscriber (MQTT 5, reason code 16).",
    ),
    "mqtt.unheard_kept": (
        "counter",
        "Alarms kept because no subscriber was there; `broker.require_subscriber`.",
    ),
    "mqtt.denied": ("counter", "Messages that the broker refused with a reason code."),
    "mqtt.dead_letters": (
        "counter",
        "Stored messages given up: above `broker.max_packet_bytes`, or nothing that MQTT can carry.",
    ),
    "mqtt.kept_a_day": ("gauge", "Messages of QoS 1 that the broker took within 24 hours, since the start."),
    "mqtt.violations": ("counter", "Connections ended because the broker sent what it must not send."),
    "mqtt.commands": ("counter", "Messages that came to this device's command topics; `commands.mqtt`."),
    "mqtt.commands_dropped": ("counter", "Of these, dropped because more than 200 came within 10 s."),
    "mqtt.replies": ("counter", "Answers to commands that the broker took."),
    "mqtt.replies_refused": (
        "counter",
        "Answers to commands that the broker refused, or too large.",
    ),
    "mqtt.chunks": ("counter", "Chunks of evidence that the broker took."),
    "mqtt.chunks_refused": ("counter", "Chunks of evidence that the broker refused, or too large."),
    "commands.received": ("counter", "Commands that came over MQTT."),
    "commands.done": ("counter", "Of these, done."),
    "commands.refused": ("counter", "Of these, refused."),
    "commands.not_answered": (
        "counter",
        "Of these, those whose answer was not wanted, may not go where it was wanted, or waited too long.",
    ),
    "mqtt.live_dropped": ("counter", "Live messages dropped: too many were waiting, or too large."),
    "mqtt.states_refused": ("counter", "Retained states not sent: too many topics, or too large."),
    "spool.<class>.seq": ("counter", "Number of the newest message."),
    "spool.<class>.acked": ("counter", "Messages that the broker acknowledged."),
    "spool.<class>.dead": ("counter", "Messages set aside as dead letters."),
    "spool.<class>.dropped.age": (
        "counter",
        "Messages dropped as too old; `spool.telemetry_age_s`, `spool.alarm_age_s`.",
    ),
    "spool.<class>.dropped.bytes": ("counter", "Messages dropped to stay below `spool.max_bytes`."),
    "spool.<class>.dropped.damaged": ("counter", "Messages dropped because their row was damaged on disk."),
    "spool.<class>.dropped.disk": ("counter", "Messages dropped because the disk took none; never alarms."),
    "spool.alarm.dropped.ring": (
        "counter",
        "Alarms dropped from memory while the disk took none; `spool.ring_rows`.",
    ),
    "spool.alarm.replaced": ("counter", "Alarms of a failed transaction that were stored again from memory."),
    "spool.<class>.depth": ("gauge", "Messages stored now."),
    "spool.<class>.bytes": ("gauge", "Bytes that they take."),
    "spool.ring": ("gauge", "Alarms waiting in memory for the disk."),
    "spool.disk_failures": ("counter", "Operations that the disk refused."),
    "spool.oldest_age_s": (
        "gauge",
        "Age of the oldest stored message, seconds of service; null without one.",
    ),
    "spool.hours_of_capacity": (
        "gauge",
        "Hours until the spool is full at the rate since start; null without one.",
    ),
    "spool.dead.forgotten": ("counter", "Dead letters dropped for newer ones; `spool.dead_rows`."),
    "spool.salvaged.files": ("counter", "Damaged spool files that were replaced."),
    "spool.salvaged.rows": ("counter", "Messages recovered from them."),
}
"""Of `figures` in the health message; <class> is `alarm` or `telemetry`."""

TROUBLES = {
    "broker": "There is no connection, and why.",
    "insecure": "Others on the network can read and forge what is sent.",
    "clock": "The wall clock has not been set since boot, or is not synchronised with a time server.",
    "door": "There is no local socket, or not with the rights that it should have, and why.",
    "commands": "Commands over MQTT cannot be heard, or too many come; `commands.mqtt`.",
    "reload": "The configuration was not read again, and why.",
    "sensor <name>": "What is wrong with that sensor or its line.",
    "overload of <name>": "That sensor sends faster than it can be read; how many bytes were dropped.",
    "chatter of <name>": "Alarms of that sensor begin more than 6 times a minute; which is held open.",
    "commissioning of <name>": "The learner says nothing, or what was learnt cannot be written.",
    "recording of <name>": "Why nothing of that sensor's recording is written now; watching goes on.",
    "evidence": "Why no vibration is kept around alarms now; alarms go on.",
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
    "STEADYHUM_HEAVY": ("tests", "The make target whose tests, which need root, are not skipped."),
    "STEADYHUM_SOAK": ("tests", "1 runs fault tests at full length."),
    "STEADYHUM_KILLS": ("tests", "How often a gateway is killed."),
    "STEADYHUM_CUTS": ("tests", "How many power cuts are tried."),
    "STEADYHUM_MUTATIONS": ("tests", "How many damaged spool files are tried."),
    "STEADYHUM_EXAMPLES": ("tests", "How many sequences the spool's model test tries."),
    "_EDGE_RUNTIME_COMPLETE": ("edge-runtime", "Set by the shell's completion script."),
    "_TRAINER_COMPLETE": ("trainer", "Set by the shell's completion script."),
}
"""Name to (who reads or sets it, meaning)."""
