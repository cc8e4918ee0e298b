#ifndef CTENSORFERRY_KERNELS_H
#define CTENSORFERRY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Loops that need the widest instructions of the machine they run on. They are plain C; on x86-64 Linux each is compiled
// for several instruction sets, of which the loader takes one. A pointer needs the alignment of its type, one to void
// none. What is written never overlaps what is read.

/// Attention with one query in one pass over its positions: `pooled = sum of a[i] x[i]`, `a = softmax(x query)`.
///
/// - x: `positions` rows of `features` values. NaN everywhere if a score is NaN or +inf, or if there is no position.
/// - pooled: `features` values, which are written.
void tensorferry_attention_pooling(const float *x, const float *query, size_t positions, size_t features,
                                   float *pooled);

// Elements of a type of fewer bits as float32: exact. NaN stays NaN and keeps its sign.
void tensorferry_widen_float16(const void *source, void *result, size_t count);
void tensorferry_widen_bfloat16(const void *source, void *result, size_t count);
void tensorferry_widen_float8_e4m3(const void *source, void *result, size_t count);
void tensorferry_widen_float8_e5m2(const void *source, void *result, size_t count);

// float32 as elements of a type of fewer bits: to nearest, ties to even. Overflow gives infinity, of E4M3, which has
// none, NaN; NaN becomes the quiet NaN of its sign.
void tensorferry_narrow_float16(const void *source, void *result, size_t count);
void tensorferry_narrow_bfloat16(const void *source, void *result, size_t count);
void tensorferry_narrow_float8_e4m3(const void *source, void *result, size_t count);
void tensorferry_narrow_float8_e5m2(const void *source, void *result, size_t count);

/// float32 as float64: exact.
void tensorferry_widen_float32(const void *source, void *result, size_t count);
/// float64 as float32: to nearest, ties to even.
void tensorferry_narrow_float64(const void *source, void *result, size_t count);
/// float64 as the float32 next to it in the direction of zero, with the last bit set, unless it is one: narrowed further,
/// it is what the float64 itself would be.
void tensorferry_narrow_float64_to_odd(const void *source, void *result, size_t count);

/// Undoes the shuffle filter of HDF5: byte k of element i comes from place `k * count + i`. Bytes that do not fill an
/// element stay at the end.
void tensorferry_unshuffle(const void *shuffled, void *result, size_t byte_count, size_t width);

#endif
