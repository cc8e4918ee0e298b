#ifndef CTENSORFERRY_FUZZER_H
#define CTENSORFERRY_FUZZER_H

#include <stddef.h>
#include <stdint.h>

/* Of libFuzzer: changes `size` bytes in place, to at most `max_size`, and returns how many there are then. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#endif
