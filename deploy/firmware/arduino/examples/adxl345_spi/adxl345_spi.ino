// ADXL345 on SPI (CS on pin 10) to steadyhum frames over the serial port. The chip's FIFO paces the samples.
#include <SPI.h>

#include "SteadyhumFrames.h"

static const uint8_t CHIP_SELECT = 10;
static const uint16_t READINGS = 32;
static const uint32_t RATE_MILLIHZ = 3200000;
static const char* const NAMES[] = {"x", "y", "z"};

static steadyhum::Framer<HardwareSerial> framer(Serial, 0x5EAD0001, 0, RATE_MILLIHZ, 1.0f / 256, 3);
static steadyhum::Clock timeUs(0);
static steadyhum::Sampler<HardwareSerial, 3, READINGS> sampler(framer, 0);
static uint32_t helloMs = 0;

static void exchange(uint8_t first, uint8_t* data, uint8_t size, bool reading) {
  SPI.beginTransaction(SPISettings(4000000, MSBFIRST, SPI_MODE3));
  digitalWrite(CHIP_SELECT, LOW);
  SPI.transfer(first);
  for (uint8_t index = 0; index < size; ++index) {
    const uint8_t got = SPI.transfer(reading ? 0 : data[index]);
    if (reading) data[index] = got;
  }
  digitalWrite(CHIP_SELECT, HIGH);
  SPI.endTransaction();
}

static void set(uint8_t reg, uint8_t value) { exchange(reg, &value, 1, false); }

static uint8_t get(uint8_t reg) {
  uint8_t value = 0;
  exchange(reg | 0x80, &value, 1, true);
  return value;
}

static void hello() { framer.hello(NAMES, "g", 16.0f, "1", "steadyhum 1"); }

void setup() {
  Serial.begin(921600);
  pinMode(CHIP_SELECT, OUTPUT);
  digitalWrite(CHIP_SELECT, HIGH);
  SPI.begin();
  framer.bootId = (uint32_t(analogRead(A0)) << 16) ^ micros();  // a floating pin: different at every boot
  set(0x2D, 0x00);
  set(0x2C, 0x0F);  // 3200 Hz
  set(0x31, 0x0B);  // full resolution, 16 g
  set(0x38, 0x90);  // stream FIFO
  hello();
  set(0x2D, 0x08);
  sampler.look(timeUs(micros()), 0, false);  // the first sample comes now
}

void loop() {
  const uint64_t askedUs = timeUs(micros());
  const bool overrun = get(0x30) & 0x01;
  const uint8_t fresh = get(0x39) & 0x3F;
  sampler.look(askedUs, fresh, overrun);
  for (uint8_t waiting = fresh; waiting > 0; --waiting) {
    uint8_t raw[6];
    exchange(0x32 | 0xC0, raw, 6, true);
    int16_t reading[3];
    for (uint8_t axis = 0; axis < 3; ++axis) reading[axis] = int16_t(raw[2 * axis] | raw[2 * axis + 1] << 8);
    sampler.push(reading);
  }
  if (millis() - helloMs > 4000) {
    helloMs = millis();
    hello();
  }
}
