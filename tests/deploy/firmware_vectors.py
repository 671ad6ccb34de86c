# Runs under MicroPython: encodes every vector, compares, and sends the frames to the line named last.
import sys

sys.path.insert(0, sys.argv[1])
from steadyhum import Framer

wrong = total = 0
with open(sys.argv[3], "wb") as line, open(sys.argv[2]) as rows:
    for row in rows:
        words = row.split()
        if words[0] == "data":
            sensor, boot, sequence, time_us, rate = (int(word) for word in words[1:6])
            overruns, channels, sample_format, count = (int(word) for word in words[7:11])
            framer = Framer(sensor, boot, rate, float(words[6]), channels, sample_format)
            framer.sequence = sequence
            frame = framer.data(bytes.fromhex(words[11]), time_us, overruns)
        else:
            names = words[7].split(",")
            framer = Framer(int(words[1]), int(words[2]), 1, 1.0, len(names))
            frame = framer.hello(names, words[4], float(words[3]), words[5], words[6])
        total += 1
        wrong += bytes(frame) != bytes.fromhex(words[-1])
        line.write(frame)
print(total, wrong)
