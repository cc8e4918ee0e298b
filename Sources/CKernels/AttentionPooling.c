#include "CTensorFerryKernels.h"
#include "Dispatch.h"

#include <string.h>

enum { ROWS = 4 };

/// The sum of all lanes, in pairs: half as many steps as one after another, and a smaller error.
static inline __attribute__((always_inline)) float sum_of_lanes(const tensorferry_lanes *sums) {
  float lanes[TENSORFERRY_LANES];
  memcpy(lanes, sums, sizeof lanes);
  for (size_t half = TENSORFERRY_LANES / 2; half > 0; half /= 2) {
    for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

/// How many values ahead of the rows at hand memory is asked for. The hardware follows four rows at a time badly, and
/// follows nothing while the rows are read again; asked for in the order of the addresses, half in each of the two passes,
/// memory is busy all the time.
enum { AHEAD = 256 };

/// Asks for two lines of memory; reads nothing, so that the address may lie behind the end.
static inline __attribute__((always_inline)) const float *ask_for(const float *ahead) {
  __builtin_prefetch(ahead);
  __builtin_prefetch(ahead + 16);
  return ahead + 32;
}

/// Rows are taken four at a time: their scores, then their share of the sum, while they are in the first-level cache. The
/// largest score so far is subtracted from all; where a larger one comes, what was summed is scaled down to it.
TENSORFERRY_DISPATCHED
void tensorferry_attention_pooling(const float *x, const float *query, size_t positions, size_t features,
                                   float *pooled) {
  const size_t whole = features - features % TENSORFERRY_LANES;
  float largest = -INFINITY, total = 0;
  memset(pooled, 0, features * sizeof(float));

  for (size_t first = 0; first < positions; first += ROWS) {
    const size_t rows = positions - first < ROWS ? positions - first : ROWS;
    // A row that is not there is the last one again, with the weight 0.
    const float *row[ROWS];
    for (size_t r = 0; r < ROWS; r++) row[r] = x + (first + (r < rows ? r : rows - 1)) * features;

    const float *ahead = x + (first + ROWS) * features + AHEAD;
    tensorferry_lanes sums[ROWS] = {0};
    for (size_t k = 0; k < whole; k += TENSORFERRY_LANES) {
      ahead = ask_for(ahead);
      const tensorferry_lanes q = *(const tensorferry_lanes *)(query + k);
      for (size_t r = 0; r < ROWS; r++) sums[r] += *(const tensorferry_lanes *)(row[r] + k) * q;
    }
    float weights[ROWS] = {0};
    float next = largest;
    for (size_t r = 0; r < rows; r++) {
      float score = sum_of_lanes(&sums[r]);
      for (size_t k = whole; k < features; k++) score += row[r][k] * query[k];
      weights[r] = score;
      // Not a maximum: a NaN must stay.
      if (!(score <= next)) next = score;
    }
    // So far every score is -inf, whose weight will be 0 beside any other.
    if (next == -INFINITY) continue;
    if (next != largest) {
      const float scale = expf(largest - next);
      total *= scale;
      for (size_t k = 0; k < features; k++) pooled[k] *= scale;
      largest = next;
    }
    for (size_t r = 0; r < rows; r++) {
      weights[r] = expf(weights[r] - largest);
      total += weights[r];
    }
    for (size_t k = 0; k < whole; k += TENSORFERRY_LANES) {
      tensorferry_lanes sum = *(tensorferry_lanes *)(pooled + k);
      ahead = ask_for(ahead);
      for (size_t r = 0; r < ROWS; r++) sum += *(const tensorferry_lanes *)(row[r] + k) * weights[r];
      *(tensorferry_lanes *)(pooled + k) = sum;
    }
    for (size_t k = whole; k < features; k++) {
      for (size_t r = 0; r < ROWS; r++) pooled[k] += row[r][k] * weights[r];
    }
  }
  for (size_t k = 0; k < features; k++) pooled[k] /= total;
}
