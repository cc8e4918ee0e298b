#ifndef CTENSORFERRY_FILES_H
#define CTENSORFERRY_FILES_H

#include <stdint.h>
#include <sys/types.h>

/* What the system does with ranges of files itself; Swift's modules of the C libraries leave these calls out.
   Each function returns -1 where the system lacks it, and sets errno to ENOSYS. */

/* Lets `to` have the bytes of `from` without copying them (FICLONERANGE). Offsets and count are multiples of the file
   system's block, or it refuses with EINVAL. 0, or -1 and errno. */
int ctensorferry_share_range(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t count);

/* 1 if the file system of `path` is one where ranges of two files can be shared: XFS, Btrfs, bcachefs. 0 if it is not,
   or cannot be told. */
int ctensorferry_can_share(const char *path);

/* 1 if every byte of the two ranges is one and the same on the disk, by the maps that the file system has of both files
   (FS_IOC_FIEMAP): blocks that it calls shared, in equal places. 0 if it does not say so, or cannot tell. */
int ctensorferry_is_shared(int a, uint64_t a_offset, int b, uint64_t b_offset, uint64_t count);

/* Copies at most `count` bytes in the kernel (copy_file_range). The number that was copied, which may be fewer; 0 at
   the end of `from`; -1 and errno. */
int64_t ctensorferry_copy_range(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t count);

/* Starts to write a range to the disk, and does not wait for it (sync_file_range). 0, or -1 and errno. */
int ctensorferry_start_writing(int file, uint64_t offset, uint64_t count);

#endif
