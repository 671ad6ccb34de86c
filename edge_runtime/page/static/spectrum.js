// Spectra, computed here so that the gateway need not: Cooley and Tukey 1965, window of von Hann.

// In place; the length is a power of two.
function transform(real, imaginary) {
  const size = real.length;
  for (let at = 1, turned = 0; at < size; at++) {
    let bit = size >> 1;
    for (; turned & bit; bit >>= 1) turned ^= bit;
    turned ^= bit;
    if (at < turned) {
      [real[at], real[turned]] = [real[turned], real[at]];
      [imaginary[at], imaginary[turned]] = [imaginary[turned], imaginary[at]];
    }
  }
  for (let length = 2; length <= size; length <<= 1) {
    const half = length >> 1, step = (-2 * Math.PI) / length;
    for (let k = 0; k < half; k++) {
      const cosine = Math.cos(step * k), sine = Math.sin(step * k);
      for (let at = k; at < size; at += length) {
        const other = at + half;
        const x = real[other] * cosine - imaginary[other] * sine;
        const y = real[other] * sine + imaginary[other] * cosine;
        real[other] = real[at] - x;
        imaginary[other] = imaginary[at] - y;
        real[at] += x;
        imaginary[at] += y;
      }
    }
  }
}

export const powerOfTwo = (count) => 2 ** Math.floor(Math.log2(Math.max(1, count)));

function mean(samples) {
  let sum = 0;
  for (const value of samples) sum += value;
  return sum / samples.length;
}

// Amplitudes (peak, of a sine) at 0, rate/size, ... up to half the rate; mean over halves that overlap.
export function amplitudes(samples, size = Math.min(4096, powerOfTwo(samples.length))) {
  const sums = new Float64Array(size / 2), level = mean(samples);
  const window = Float64Array.from({ length: size }, (_, k) => 0.5 - 0.5 * Math.cos((2 * Math.PI * k) / size));
  let count = 0;
  for (let from = 0; from + size <= samples.length; from += size / 2, count++) {
    const real = window.map((weight, k) => weight * (samples[from + k] - level)), imaginary = new Float64Array(size);
    transform(real, imaginary);
    for (let k = 0; k < sums.length; k++) sums[k] += (real[k] ** 2 + imaginary[k] ** 2) * (4 / size) ** 2;
  }
  return sums.map((sum) => Math.sqrt(sum / Math.max(1, count)));
}

// Of the squared envelope: the analytic signal of what lies above a quarter of the band (Randall and Antoni
// 2011), squared, and the square root of its spectrum's lines.
export function envelope(samples, rate_hz) {
  const size = powerOfTwo(Math.min(samples.length, 131072));
  const level = mean(samples), real = new Float64Array(size), imaginary = new Float64Array(size);
  for (let k = 0; k < size; k++) real[k] = samples[k] - level;
  transform(real, imaginary);
  const low = Math.round(size / 16);
  for (let k = 0; k < size; k++) {
    const weight = k >= low && k < size / 2 ? 2 : 0;
    real[k] *= weight;
    imaginary[k] *= -weight; // conjugated: the transform of that is the inverse
  }
  transform(real, imaginary);
  const squared = Float64Array.from({ length: size }, (_, k) => (real[k] ** 2 + imaginary[k] ** 2) / size ** 2);
  const lines = amplitudes(squared, Math.min(size, 32768)).map(Math.sqrt);
  return { lines, step_hz: rate_hz / Math.min(size, 32768) };
}

export function rms(samples) {
  const level = mean(samples);
  let sum = 0;
  for (const value of samples) sum += (value - level) ** 2;
  return Math.sqrt(sum / samples.length);
}

// Least and most of each stretch: a picture of a long signal that hides no peak.
export function thinned(samples, rate_hz, points) {
  const step = Math.max(1, Math.floor(samples.length / points));
  const times = [], low = [], high = [];
  for (let from = 0; from < samples.length; from += step) {
    let least = Infinity, most = -Infinity;
    for (let k = from; k < Math.min(from + step, samples.length); k++) {
      if (samples[k] < least) least = samples[k];
      if (samples[k] > most) most = samples[k];
    }
    times.push(from / rate_hz);
    low.push(least);
    high.push(most);
  }
  return { times, low, high };
}

export function largest(lines, step_hz, from_hz = 1) {
  let best = Math.ceil(from_hz / step_hz);
  for (let k = best; k < lines.length; k++) if (lines[k] > lines[best]) best = k;
  return { hz: best * step_hz, amplitude: lines[best] ?? 0 };
}
