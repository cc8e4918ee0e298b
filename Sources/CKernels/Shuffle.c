#include <string.h>

#include "CTensorFerryKernels.h"
#include "Dispatch.h"

/// The loop over one element is unrolled for the widths that there are, and then taken many elements at a time.
static inline __attribute__((always_inline)) void unshuffle(const uint8_t *source, uint8_t *result, size_t count,
                                                             size_t width) {
  for (size_t i = 0; i < count; i++) {
    for (size_t k = 0; k < width; k++) result[i * width + k] = source[k * count + i];
  }
}

/// Any width: one byte of so many elements after the other, so that what is written stays in the first-level cache.
static void unshuffle_any(const uint8_t *restrict source, uint8_t *restrict result, size_t count, size_t width) {
  enum { BLOCK = 128 };
  for (size_t first = 0; first < count; first += BLOCK) {
    const size_t end = count - first < BLOCK ? count : first + BLOCK;
    for (size_t k = 0; k < width; k++) {
      for (size_t i = first; i < end; i++) result[i * width + k] = source[k * count + i];
    }
  }
}

TENSORFERRY_DISPATCHED
static void unshuffle_2(const uint8_t *restrict source, uint8_t *restrict result, size_t count) {
  unshuffle(source, result, count, 2);
}

TENSORFERRY_DISPATCHED
static void unshuffle_4(const uint8_t *restrict source, uint8_t *restrict result, size_t count) {
  unshuffle(source, result, count, 4);
}

TENSORFERRY_DISPATCHED
static void unshuffle_8(const uint8_t *restrict source, uint8_t *restrict result, size_t count) {
  unshuffle(source, result, count, 8);
}

void tensorferry_unshuffle(const void *shuffled, void *result, size_t byte_count, size_t width) {
  const uint8_t *source = shuffled;
  uint8_t *target = result;
  const size_t count = width == 0 ? 0 : byte_count / width;
  switch (width) {
    case 2: unshuffle_2(source, target, count); break;
    case 4: unshuffle_4(source, target, count); break;
    case 8: unshuffle_8(source, target, count); break;
    default: unshuffle_any(source, target, count, width);
  }
  memcpy(target + count * width, source + count * width, byte_count - count * width);
}
