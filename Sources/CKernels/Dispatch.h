#include <math.h>  // which tells the C library by its macros

#ifndef __has_feature
#define __has_feature(name) 0
#endif

// ThreadSanitizer instruments the functions that choose a clone, which run before it is ready.
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && !__has_feature(thread_sanitizer)
#define TENSORFERRY_DISPATCHED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TENSORFERRY_DISPATCHED
#endif

/// As many values as the widest instruction takes; narrower machines take several.
enum { TENSORFERRY_LANES = 16 };
typedef float tensorferry_lanes __attribute__((vector_size(4 * TENSORFERRY_LANES), aligned(4)));
