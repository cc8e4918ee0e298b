#ifndef CTENSORFERRY_KERNELS_H
#define CTENSORFERRY_KERNELS_H

#include <stddef.h>

// Loops that need the widest instructions of the machine they run on. They are plain C; on x86-64 Linux each is compiled
// for several instruction sets, of which the loader takes one. Pointers need the alignment of a float, no more.

/// Attention with one query in one pass over its positions: `pooled = sum of a[i] x[i]`, `a = softmax(x query)`.
///
/// - x: `positions` rows of `features` values. NaN everywhere if a score is NaN or +inf, or if there is no position.
/// - pooled: `features` values, which are written.
void tensorferry_attention_pooling(const float *x, const float *query, size_t positions, size_t features,
                                   float *pooled);

#endif
