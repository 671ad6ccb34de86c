// Encodes every vector with the Arduino header and compares, then lives every run; prints how many, and how many
// were wrong.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "SteadyhumFrames.h"

struct Sink {
  std::string got;
  size_t write(const uint8_t* data, size_t size) {
    got.append(reinterpret_cast<const char*>(data), size);
    return size;
  }
};

static std::string unhex(const std::string& text) {
  std::string data;
  for (size_t at = 0; at + 1 < text.size(); at += 2) {
    data.push_back(static_cast<char>(std::strtoul(text.substr(at, 2).c_str(), nullptr, 16)));
  }
  return data;
}

static uint32_t at(const std::string& data, size_t offset, size_t size) {
  uint32_t value = 0;
  for (size_t index = 0; index < size; ++index) {
    value |= uint32_t(uint8_t(data[offset + index])) << (8 * index);
  }
  return value;
}

static std::string data(std::istringstream& words) {
  uint32_t sensor, boot, sequence, rate, overruns, channels, format, readings;
  uint64_t time;
  float scale;
  std::string samples;
  words >> sensor >> boot >> sequence >> time >> rate >> scale >> overruns >> channels >> format >> readings >> samples;
  const std::string raw = unhex(samples);
  Sink sink;
  steadyhum::Framer<Sink> framer(sink, sensor, boot, rate, scale, uint8_t(channels));
  framer.sequence = sequence;
  const size_t count = size_t(readings) * channels;
  if (format == steadyhum::INT16) {
    std::vector<int16_t> values;
    for (size_t i = 0; i < count; ++i) values.push_back(int16_t(at(raw, 2 * i, 2)));
    framer.data(values.data(), uint16_t(readings), time, uint16_t(overruns));
  } else if (format == steadyhum::INT24) {
    std::vector<int32_t> values;
    for (size_t i = 0; i < count; ++i) values.push_back(int32_t(at(raw, 3 * i, 3) << 8) >> 8);
    framer.data24(values.data(), uint16_t(readings), time, uint16_t(overruns));
  } else {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
      const uint32_t bits = at(raw, 4 * i, 4);
      memcpy(&values[i], &bits, 4);
    }
    framer.data(values.data(), uint16_t(readings), time, uint16_t(overruns));
  }
  return sink.got;
}

static std::string hello(std::istringstream& words) {
  uint32_t sensor, boot;
  float reach;
  std::string unit, serial, firmware, joined;
  words >> sensor >> boot >> reach >> unit >> serial >> firmware >> joined;
  std::vector<std::string> names;
  std::istringstream parts(joined);
  for (std::string name; std::getline(parts, name, ',');) names.push_back(name);
  std::vector<const char*> pointers;
  for (const std::string& name : names) pointers.push_back(name.c_str());
  Sink sink;
  steadyhum::Framer<Sink> framer(sink, sensor, boot, 1, 1.0f, uint8_t(names.size()));
  framer.hello(pointers.data(), unit.c_str(), reach, serial.c_str(), firmware.c_str());
  return sink.got;
}

template <uint16_t Count>
static std::string live(std::istringstream& words, uint32_t rate, uint64_t start) {
  std::string looks, one;
  words >> looks;
  std::istringstream parts(looks);
  Sink sink;
  steadyhum::Framer<Sink> framer(sink, 1, 2, rate, 1.0f / 256, 3);
  steadyhum::Sampler<Sink, 3, Count> sampler(framer, start);
  int number = 0;
  while (std::getline(parts, one, ',')) {
    unsigned long long at = 0;
    unsigned fresh = 0, overrun = 0;
    std::sscanf(one.c_str(), "%llu:%u:%u", &at, &fresh, &overrun);
    sampler.look(at, uint16_t(fresh), overrun != 0);
    for (unsigned left = fresh; left > 0; --left, ++number) {
      const int16_t reading[3] = {int16_t(number), int16_t(-number), int16_t(3 * number)};
      sampler.push(reading);
    }
  }
  uint64_t lost = 0;
  words >> lost;
  return sampler.overruns == uint16_t(lost) ? sink.got : "";
}

static std::string run(std::istringstream& words) {
  uint32_t rate, count;
  uint64_t start;
  words >> rate >> count >> start;
  if (count == 4) return live<4>(words, rate, start);
  if (count == 8) return live<8>(words, rate, start);
  return count == 16 ? live<16>(words, rate, start) : live<64>(words, rate, start);
}

static void runs(const char* name, unsigned& total, unsigned& wrong) {
  std::ifstream file(name);
  for (std::string line; std::getline(file, line); ++total) {
    std::istringstream words(line);
    const std::string got = run(words);
    std::string frames;
    words >> frames;
    if (got.empty() || got != unhex(frames)) ++wrong;
  }
}

int main(int, char** arguments) {
  std::ifstream file(arguments[1]);
  unsigned total = 0, wrong = 0;
  for (std::string line; std::getline(file, line); ++total) {
    std::istringstream words(line);
    std::string kind, frame;
    words >> kind;
    const std::string got = kind == "data" ? data(words) : hello(words);
    words >> frame;
    if (got != unhex(frame)) ++wrong;
  }
  runs(arguments[2], total, wrong);
  // A counter of 32 bits that wraps twice an hour and a bit is still the same clock.
  steadyhum::Clock clock(0xFFFFFF00u);
  if (clock(0x100u) != 0x200u || clock(0xFFFFFFFFu) != 0x1000000FFull) ++wrong;
  std::printf("%u %u\n", total, wrong);
}
