#ifdef __linux__
#define _GNU_SOURCE
#endif

#include "CTensorFerryFiles.h"

#include <errno.h>

#ifdef __linux__

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

int ctensorferry_share_range(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t count) {
  struct file_clone_range range = {
      .src_fd = from, .src_offset = from_offset, .src_length = count, .dest_offset = to_offset};
  return ioctl(to, FICLONERANGE, &range);
}

int ctensorferry_can_share(const char *path) {
  struct statfs status;
  if (statfs(path, &status) != 0) return 0;
  switch ((uint32_t)status.f_type) {
    case 0x58465342: /* XFS */
    case 0x9123683e: /* Btrfs */
    case 0xca451a4e: /* bcachefs */
      return 1;
    default: return 0;
  }
}

/* A range of a file that lies in one piece on the disk. */
struct extent {
  uint64_t physical, count;
};

/* The piece that begins at `offset`; count 0 if the file system does not say that it is plain, shared data. What waits in
   the page cache is written first, because the map does not have it. */
static struct extent extent_at(int file, uint64_t offset, uint64_t count) {
  union {
    struct fiemap map;
    unsigned char space[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
  } request = {.space = {0}};
  request.map.fm_start = offset;
  request.map.fm_length = count;
  request.map.fm_flags = FIEMAP_FLAG_SYNC;
  request.map.fm_extent_count = 1;
  const struct extent none = {0, 0};
  if (ioctl(file, FS_IOC_FIEMAP, &request.map) != 0 || request.map.fm_mapped_extents != 1) return none;
  struct fiemap_extent found = request.map.fm_extents[0];
  const uint32_t allowed = FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_MERGED;
  if ((found.fe_flags & ~allowed) != 0 || (found.fe_flags & FIEMAP_EXTENT_SHARED) == 0) return none;
  if (found.fe_logical > offset || found.fe_length <= offset - found.fe_logical) return none;
  uint64_t skipped = offset - found.fe_logical, rest = found.fe_length - skipped;
  return (struct extent){found.fe_physical + skipped, rest < count ? rest : count};
}

int ctensorferry_is_shared(int a, uint64_t a_offset, int b, uint64_t b_offset, uint64_t count) {
  struct stat first, second;
  if (fstat(a, &first) != 0 || fstat(b, &second) != 0 || first.st_dev != second.st_dev) return 0;
  while (count > 0) {
    struct extent x = extent_at(a, a_offset, count), y = extent_at(b, b_offset, count);
    uint64_t common = x.count < y.count ? x.count : y.count;
    if (common == 0 || x.physical != y.physical) return 0;
    a_offset += common, b_offset += common, count -= common;
  }
  return 1;
}

int64_t ctensorferry_copy_range(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t count) {
  off_t in = (off_t)from_offset, out = (off_t)to_offset;
  return copy_file_range(from, &in, to, &out, count, 0);
}

int ctensorferry_start_writing(int file, uint64_t offset, uint64_t count) {
  return sync_file_range(file, (off_t)offset, (off_t)count, SYNC_FILE_RANGE_WRITE);
}

#else

static int lacking(void) {
  errno = ENOSYS;
  return -1;
}

int ctensorferry_share_range(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t count) {
  (void)from, (void)from_offset, (void)to, (void)to_offset, (void)count;
  return lacking();
}

int ctensorferry_can_share(const char *path) {
  (void)path;
  return 0;
}

int ctensorferry_is_shared(int a, uint64_t a_offset, int b, uint64_t b_offset, uint64_t count) {
  (void)a, (void)a_offset, (void)b, (void)b_offset, (void)count;
  return 0;
}

int64_t ctensorferry_copy_range(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t count) {
  (void)from, (void)from_offset, (void)to, (void)to_offset, (void)count;
  return lacking();
}

int ctensorferry_start_writing(int file, uint64_t offset, uint64_t count) {
  (void)file, (void)offset, (void)count;
  return lacking();
}

#endif
