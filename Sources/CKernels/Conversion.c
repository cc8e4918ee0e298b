#include <string.h>

#include "CTensorFerryKernels.h"
#include "Dispatch.h"

// Everything is computed on bit patterns and without branches, so that a loop takes as many values at a time as an
// instruction has lanes.

static inline __attribute__((always_inline)) float value_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline __attribute__((always_inline)) uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// The nearest pattern of a type with so many bits for exponent and fraction; ties to even. `largest` is what overflow
/// gives, `nan` what NaN gives; the sign stays.
static inline __attribute__((always_inline)) uint32_t narrow(uint32_t bits, int exponent_bits, int fraction_bits,
                                                              uint32_t largest, uint32_t nan) {
  const int bias = (1 << (exponent_bits - 1)) - 1, shift = 23 - fraction_bits;
  const uint32_t sign = bits >> 31 << (exponent_bits + fraction_bits), magnitude = bits & 0x7FFFFFFF;
  // A carry out of the fraction moves into the exponent by itself.
  const uint32_t odd = magnitude >> shift & 1, rebased = (uint32_t)(127 - bias) << 23;
  uint32_t pattern = (magnitude + ((1u << (shift - 1)) - 1) + odd - rebased) >> shift;
  if (bias < 127) {
    // Below the smallest normal: the sum with a number whose unit in the last place is the smallest subnormal is
    // rounded by the processor, and ends in the pattern.
    const uint32_t unit = (uint32_t)(127 + 23 + 1 - bias - fraction_bits) << 23;
    const uint32_t subnormal = bits_of(value_of(magnitude) + value_of(unit)) - unit;
    pattern = magnitude < rebased + (1u << 23) ? subnormal : pattern;
  }
  pattern = pattern < largest ? pattern : largest;
  pattern = magnitude > 0x7F800000 ? nan : pattern;
  return sign | pattern;
}

#define CONVERSION(name, Source, Result, expression)                          \
  TENSORFERRY_DISPATCHED                                                      \
  void name(const void *source, void *result, size_t count) {                 \
    for (size_t i = 0; i < count; i++) {                                      \
      Source from;                                                            \
      memcpy(&from, (const char *)source + i * sizeof from, sizeof from);     \
      const Result to = (Result)(expression);                                 \
      memcpy((char *)result + i * sizeof to, &to, sizeof to);                 \
    }                                                                         \
  }

/// Exact: a normal number moves to the other bias, a subnormal is its fraction times 2^-24, and what has all bits of the
/// exponent set gets all bits of the other; NaN becomes quiet.
static inline __attribute__((always_inline)) uint32_t widened_half(uint32_t half) {
  const uint32_t magnitude = half & 0x7FFF, moved = magnitude << 13;
  uint32_t bits = moved + (112u << 23);
  bits = magnitude >= 0x7C00 ? moved + (224u << 23) : bits;
  bits = magnitude > 0x7C00 ? bits | 0x400000 : bits;
  bits = magnitude < 0x400 ? bits_of((float)(int32_t)magnitude * 0x1p-24f) : bits;
  return bits | (half & 0x8000) << 16;
}

/// E4M3 has no infinity, and one NaN for each sign.
static inline __attribute__((always_inline)) uint32_t widened_e4m3(uint32_t byte) {
  const uint32_t magnitude = byte & 0x7F;
  uint32_t bits = (magnitude << 20) + (120u << 23);
  bits = magnitude == 0x7F ? 0x7FC00000 : bits;
  bits = magnitude < 8 ? bits_of((float)(int32_t)magnitude * 0x1p-9f) : bits;
  return bits | (byte & 0x80) << 24;
}

/// Boldo and Melquiond, 2008: a number that was rounded to odd first is rounded to fewer bits, by two or more, as if it
/// had been rounded once.
static inline __attribute__((always_inline)) uint32_t rounded_to_odd(double value) {
  const float nearest = (float)value;
  const double back = nearest;
  // Towards zero, then the last bit set, where something was lost.
  const uint32_t bits = bits_of(nearest), away = __builtin_fabs(back) > __builtin_fabs(value);
  return ((back < value) | (back > value)) ? (bits - away) | 1 : bits;
}

CONVERSION(tensorferry_widen_float16, uint16_t, uint32_t, widened_half(from))
CONVERSION(tensorferry_widen_bfloat16, uint16_t, uint32_t, (uint32_t)from << 16)
CONVERSION(tensorferry_widen_float8_e4m3, uint8_t, uint32_t, widened_e4m3(from))
// E5M2 is the upper half of a binary16.
CONVERSION(tensorferry_widen_float8_e5m2, uint8_t, uint32_t, widened_half((uint32_t)from << 8))
CONVERSION(tensorferry_widen_float32, float, double, from)

CONVERSION(tensorferry_narrow_float16, uint32_t, uint16_t, narrow(from, 5, 10, 0x7C00, 0x7E00))
CONVERSION(tensorferry_narrow_bfloat16, uint32_t, uint16_t, narrow(from, 8, 7, 0x7F80, 0x7FC0))
CONVERSION(tensorferry_narrow_float8_e4m3, uint32_t, uint8_t, narrow(from, 4, 3, 0x7F, 0x7F))
CONVERSION(tensorferry_narrow_float8_e5m2, uint32_t, uint8_t, narrow(from, 5, 2, 0x7C, 0x7E))
CONVERSION(tensorferry_narrow_float64, double, float, from)
CONVERSION(tensorferry_narrow_float64_to_odd, double, uint32_t, rounded_to_odd(from))
