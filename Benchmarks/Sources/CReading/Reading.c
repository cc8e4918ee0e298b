#include "CReading.h"

#include <math.h>  // which tells the C library by its macros

#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__)
#define DISPATCHED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DISPATCHED
#endif

enum { LANES = 16, SUMS = 8 };
typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4)));

/// Eight independent sums, so that the additions do not wait for each other.
DISPATCHED
float benchmark_read(const float *values, size_t count) {
  lanes sums[SUMS] = {0};
  size_t i = 0;
  for (; i + SUMS * LANES <= count; i += SUMS * LANES) {
    for (size_t s = 0; s < SUMS; s++) sums[s] += *(const lanes *)(values + i + s * LANES);
  }
  float sum = 0;
  for (; i < count; i++) sum += values[i];
  for (size_t s = 0; s < SUMS; s++) {
    for (size_t lane = 0; lane < LANES; lane++) sum += sums[s][lane];
  }
  return sum;
}
