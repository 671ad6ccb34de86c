"""A program: the script that anybody would write of pyserial, onnxruntime and paho; it keeps nothing.

python -m tests.benchmarks.bare PORT MODEL HOP BROKER_PORT TOPIC
"""

import json
import os
import struct
import sys
import zlib

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import onnxruntime
import paho.mqtt.client as mqtt
import serial
from cobs import cobs
from paho.mqtt.enums import CallbackAPIVersion

HEADER = struct.Struct("<BBIIIQIfHBBH")


def main(path: str, model: str, hop: int, broker_port: int, topic: str) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options)
    _, samples, channels = session.get_inputs()[0].shape
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", broker_port)
    client.loop_start()
    port = serial.Serial(path, 921600, timeout=0.2, exclusive=True)
    print("ready", flush=True)
    window, have, tail, count = np.empty((1, samples, channels), np.float32), 0, b"", 0
    while True:
        *parts, tail = (tail + port.read(port.in_waiting or 1)).split(b"\0")
        for part in parts:
            body = cobs.decode(part)
            if zlib.crc32(body[:-4]) != int.from_bytes(body[-4:], "little") or body[1] != 1:
                continue
            header = HEADER.unpack_from(body)
            new = np.frombuffer(body, "<i2", header[11] * channels, HEADER.size).reshape(-1, channels)
            window[0, have : have + len(new)] = new * np.float32(header[7])
            have += len(new)
            if have == samples:
                score = session.run(["score"], {"window": window})[0][0]
                count += 1
                client.publish(topic, json.dumps({"window": count, "score": float(score)}))
                window[0, : samples - hop] = window[0, hop:]
                have = samples - hop


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
