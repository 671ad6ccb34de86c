"""What each number of the health message is: name to (kind, meaning). Pure.

The page on health and the metrics are made from it; `tests/test_reference.py` finds the names in the code,
and fails where this file lacks one or has one more.
"""

from typing import Final

SENSOR_FIGURES: Final = {
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

FIGURES: Final = {
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
    "history.written": ("counter", "Writes to the history's file, one in ten minutes."),
    "history.lost": ("counter", "Minutes of a sensor, and events, that the disk refused for an hour."),
    "history.dropped": ("counter", "Looks at the vibration that the history's thread was too slow for."),
    "history.bytes": ("gauge", "Bytes that the history's file takes; at most `history.max_bytes`."),
    "history.set_aside": ("counter", "Damaged files of the history that were set aside."),
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
    "mqtt.births": ("counter", "Starts of Home Assistant after which all that is retained was sent again."),
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
