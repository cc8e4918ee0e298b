#include <math.h>  // which tells the C library by its macros

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
// It instruments the functions that choose, which run before it is ready.
#define TENSORFERRY_DISPATCHED
#endif
#endif

#if defined(TENSORFERRY_DISPATCHED)
#elif defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__)
#define TENSORFERRY_DISPATCHED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TENSORFERRY_DISPATCHED
#endif

/// As many values as the widest instruction takes; narrower machines take several.
enum { TENSORFERRY_LANES = 16 };
typedef float tensorferry_lanes __attribute__((vector_size(4 * TENSORFERRY_LANES), aligned(4)));
