// Bytes as a sensor sent them to samples: steadyhum frames (docs/protocol.md) and lines of text.
// What is damaged is left out; nothing here raises, and no buffer grows past a frame.

const LONGEST = 8192 + 33;
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function uncobs(coded) {
  const plain = new Uint8Array(coded.length);
  let at = 0, to = 0;
  while (at < coded.length) {
    const code = coded[at++];
    if (!code || at + code - 1 > coded.length) return null;
    for (let k = 1; k < code; k++) plain[to++] = coded[at++];
    if (code < 255 && at < coded.length) plain[to++] = 0;
  }
  return plain.subarray(0, to);
}

const READ = {
  1: [2, (view, at) => view.getInt16(at, true)],
  2: [3, (view, at) => view.getUint16(at, true) | (view.getInt8(at + 2) << 16)],
  3: [4, (view, at) => view.getFloat32(at, true)],
};

// One frame: { sequence, rate_hz, channels: [samples of each] }; null for anything else.
function frameOf(coded) {
  const body = uncobs(coded);
  if (!body || body.length < 40 || body[0] !== 1 || body[1] !== 1) return null;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  if (crc32(body.subarray(0, body.length - 4)) !== view.getUint32(body.length - 4, true)) return null;
  const count = view.getUint16(34, true), width = body[32], [size, read] = READ[body[33]] ?? [0, null];
  if (!read || !width || body.length !== 36 + count * width * size + 4) return null;
  const scale = view.getFloat32(26, true);
  const channels = Array.from({ length: width }, (_, channel) =>
    Float64Array.from({ length: count }, (_, row) => scale * read(view, 36 + (row * width + channel) * size)));
  return { sequence: view.getUint32(10, true), rate_hz: view.getUint32(22, true) / 1000, channels };
}

class FrameReader {
  constructor() { this.tail = new Uint8Array(0); }
  feed(data) {
    const bytes = new Uint8Array(this.tail.length + data.length);
    bytes.set(this.tail);
    bytes.set(data, this.tail.length);
    const found = [];
    let from = 0, end;
    while ((end = bytes.indexOf(0, from)) >= 0) {
      const frame = end - from <= LONGEST ? frameOf(bytes.subarray(from, end)) : null;
      if (frame) found.push(frame);
      from = end + 1;
    }
    this.tail = bytes.slice(Math.max(from, bytes.length - LONGEST));
    return found;
  }
}

class LineReader {
  constructor(sensor) { this.sensor = sensor; this.tail = ""; this.sequence = 0; this.begun = false; }
  feed(data) {
    const lines = (this.tail + new TextDecoder().decode(data)).split("\n");
    this.tail = lines.pop().slice(-512);
    if (!this.begun && lines.length) { this.begun = true; lines.shift(); }
    const width = this.sensor.channels.length;
    const rows = lines.map((line) => line.trim().split(/[,\t ]+/).map(Number))
      .filter((row) => row.length === width && row.every(Number.isFinite));
    if (!rows.length) return [];
    const channels = Array.from({ length: width }, (_, k) => Float64Array.from(rows, (row) => row[k] * this.sensor.scale));
    return [{ sequence: this.sequence++, rate_hz: this.sensor.rate_hz, channels }];
  }
}

export const readerOf = (sensor) => (sensor.protocol === "frames" ? new FrameReader() : new LineReader(sensor));

export function unbase64(text) {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

// The latest samples of each channel without a gap: what is missing begins it anew.
export class Latest {
  constructor(most) { this.most = most; this.channels = []; this.rate_hz = 0; this.next = null; }
  take(frames) {
    for (const frame of frames) {
      const goes = this.next === frame.sequence && this.channels.length === frame.channels.length;
      this.channels = frame.channels.map((part, k) => joined(goes ? this.channels[k] : null, part, this.most));
      this.next = (frame.sequence + 1) >>> 0;
      this.rate_hz = frame.rate_hz;
    }
    return frames.length > 0;
  }
}

function joined(before, part, most) {
  const old = before ? before.subarray(Math.max(0, before.length + part.length - most)) : [];
  const both = new Float64Array(old.length + part.length);
  both.set(old);
  both.set(part, old.length);
  return both;
}
