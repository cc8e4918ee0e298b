#ifndef CREADING_H
#define CREADING_H

#include <stddef.h>

/// Reads every value once and returns a sum, so that no read can be left out.
float benchmark_read(const float *values, size_t count);

#endif
