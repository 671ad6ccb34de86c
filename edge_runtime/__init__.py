"""steadyhum's edge: reads accelerometer windows, scores them, publishes alarms."""

import os

# onnxruntime >= 1.29 writes a device id under $HOME and calls home unless this is set before its first
# import; the documented disable_telemetry_events() comes too late for the files. Importing any module of
# this package passes through here first.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
