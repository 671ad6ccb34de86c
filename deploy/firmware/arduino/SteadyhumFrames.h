// steadyhum frames, version 1, for Arduino and any C++11: samples in, bytes for the serial line out.
//
// The layout is the table in edge_runtime/sensors/protocols/frames.py. Frames are streamed: RAM holds one COBS block of 255 bytes,
// whatever the frame's length. A sink is anything with `write(const uint8_t*, size_t)`, such as Serial.
#ifndef STEADYHUM_FRAMES_H
#define STEADYHUM_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace steadyhum {

enum SampleFormat : uint8_t { INT16 = 1, INT24 = 2, FLOAT32 = 3 };

// COBS (Cheshire and Baker 1999): the body, its CRC-32 as in zlib, and the delimiter 0x00.
template <typename Sink>
class Sealer {
 public:
  explicit Sealer(Sink& sink) : sink_(sink) {}

  void byte(uint8_t value) {
    crc_ ^= value;
    for (uint8_t nibble = 0; nibble < 2; ++nibble) {
      crc_ = (crc_ >> 4) ^ table(static_cast<uint8_t>(crc_ & 0x0F));
    }
    code(value);
  }

  // Little-endian on every processor.
  void number(uint64_t value, uint8_t bytes) {
    for (uint8_t index = 0; index < bytes; ++index) byte(static_cast<uint8_t>(value >> (8 * index)));
  }

  void real(float value) {
    static_assert(sizeof(float) == 4, "IEEE 754 single precision is needed");
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    number(bits, 4);
  }

  void text(const char* value) {
    const size_t size = strlen(value) < 255 ? strlen(value) : 255;
    byte(static_cast<uint8_t>(size));
    for (size_t index = 0; index < size; ++index) byte(static_cast<uint8_t>(value[index]));
  }

  void finish() {
    const uint32_t crc = ~crc_;
    for (uint8_t index = 0; index < 4; ++index) code(static_cast<uint8_t>(crc >> (8 * index)));
    flush();
    const uint8_t delimiter = 0;
    sink_.write(&delimiter, 1);
  }

 private:
  // A full block is sent only when another byte follows: a frame must not end with an empty block.
  void code(uint8_t value) {
    if (used_ == 255) flush();
    if (value == 0) {
      flush();
    } else {
      block_[used_++] = value;
    }
  }

  void flush() {
    block_[0] = used_;
    sink_.write(block_, used_);
    used_ = 1;
  }

  static uint32_t table(uint8_t nibble) {
    static const uint32_t values[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    return values[nibble];
  }

  Sink& sink_;
  uint32_t crc_ = 0xFFFFFFFF;
  uint8_t block_[255];
  uint8_t used_ = 1;
};

// Numbers and encodes the frames of one sensor since its boot.
template <typename Sink>
class Framer {
 public:
  uint32_t sensorId, bootId, rateMilliHz, sequence = 0;
  float scale;
  uint8_t channels;

  Framer(Sink& sink, uint32_t sensor, uint32_t boot, uint32_t rate, float unitPerCount, uint8_t channelCount)
      : sensorId(sensor), bootId(boot), rateMilliHz(rate), scale(unitPerCount), channels(channelCount), sink_(sink) {}

  // `samples` are readings x channels, interleaved, in the processor's own order.
  void data(const int16_t* samples, uint16_t readings, uint64_t timeUs, uint16_t overruns) {
    Sealer<Sink> sealer(sink_);
    header(sealer, INT16, readings, timeUs, overruns);
    for (size_t index = 0; index < size_t(readings) * channels; ++index) {
      sealer.number(static_cast<uint16_t>(samples[index]), 2);
    }
    sealer.finish();
  }

  void data24(const int32_t* samples, uint16_t readings, uint64_t timeUs, uint16_t overruns) {
    Sealer<Sink> sealer(sink_);
    header(sealer, INT24, readings, timeUs, overruns);
    for (size_t index = 0; index < size_t(readings) * channels; ++index) {
      sealer.number(static_cast<uint32_t>(samples[index]), 3);
    }
    sealer.finish();
  }

  void data(const float* samples, uint16_t readings, uint64_t timeUs, uint16_t overruns) {
    Sealer<Sink> sealer(sink_);
    header(sealer, FLOAT32, readings, timeUs, overruns);
    for (size_t index = 0; index < size_t(readings) * channels; ++index) sealer.real(samples[index]);
    sealer.finish();
  }

  // Send one at boot and one every 4 s; `names` holds one text per channel.
  void hello(const char* const* names, const char* unit, float reach, const char* serial, const char* firmware) {
    Sealer<Sink> sealer(sink_);
    sealer.byte(1);
    sealer.byte(2);
    sealer.number(sensorId, 4);
    sealer.number(bootId, 4);
    sealer.real(reach);
    sealer.text(unit);
    sealer.text(serial);
    sealer.text(firmware);
    for (uint8_t index = 0; index < channels; ++index) sealer.text(names[index]);
    sealer.finish();
  }

 private:
  void header(Sealer<Sink>& sealer, SampleFormat format, uint16_t readings, uint64_t timeUs, uint16_t overruns) {
    sealer.byte(1);
    sealer.byte(1);
    sealer.number(sensorId, 4);
    sealer.number(bootId, 4);
    sealer.number(sequence++, 4);
    sealer.number(timeUs, 8);
    sealer.number(rateMilliHz, 4);
    sealer.real(scale);
    sealer.number(overruns, 2);
    sealer.byte(channels);
    sealer.byte(format);
    sealer.number(readings, 2);
  }

  Sink& sink_;
};

// Microseconds that do not wrap, from a counter of 32 bits that does; ask at least once an hour.
class Clock {
 public:
  explicit Clock(uint32_t nowUs) : last_(nowUs) {}

  uint64_t operator()(uint32_t nowUs) {
    total_ += static_cast<uint32_t>(nowUs - last_);
    last_ = nowUs;
    return total_;
  }

 private:
  uint32_t last_;
  uint64_t total_ = 0;
};

// Turns readings of a chip's FIFO into frames of `Count`. Times are counted in samples of the chip's own oscillator.
template <typename Sink, uint8_t Channels, uint16_t Count>
class Sampler {
 public:
  uint16_t overruns = 0;  // samples, not occasions

  Sampler(Framer<Sink>& framer, uint64_t nowUs) : framer_(framer), startUs_(nowUs), madeUs_(nowUs) {}

  // Call before the readings are pushed: when the FIFO was read, how many it held, whether it overflowed.
  void look(uint64_t askedUs, uint16_t fresh, bool overrun) {
    if (overrun) lose(askedUs, fresh);
    made_ += fresh;
    madeUs_ = askedUs;
  }

  void push(const int16_t* reading) {
    for (uint8_t index = 0; index < Channels; ++index) samples_[size_t(waiting_) * Channels + index] = reading[index];
    if (++waiting_ < Count) return;
    framer_.data(samples_, Count, startUs_ + scaled(sent_, BILLION, framer_.rateMilliHz), overruns);
    sent_ += Count;
    waiting_ = 0;
  }

 private:
  static const uint64_t BILLION = 1000000000;

  // Counted from the last readout without an overflow: from the start, the oscillator's drift would add up.
  // Readings that wait are from before the gap and too few for a frame: they are lost with the rest.
  void lose(uint64_t askedUs, uint16_t fresh) {
    const uint64_t due = made_ + scaled(askedUs - madeUs_, framer_.rateMilliHz, BILLION);
    const uint64_t known = sent_ + fresh;
    const uint64_t lost = due > known ? due - known : 1;
    waiting_ = 0;
    sent_ = made_ = sent_ + lost;
    overruns = static_cast<uint16_t>(overruns + lost);
  }

  // value * times / by: the product alone would not fit 64 bits after two months.
  static uint64_t scaled(uint64_t value, uint64_t times, uint64_t by) {
    return value / by * times + value % by * times / by;
  }

  Framer<Sink>& framer_;
  uint64_t startUs_, madeUs_, sent_ = 0, made_ = 0;
  uint16_t waiting_ = 0;
  int16_t samples_[size_t(Channels) * Count];
};

}  // namespace steadyhum

#endif
