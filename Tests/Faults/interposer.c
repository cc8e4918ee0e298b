// Stands between a program and the C library, counts the calls that concern files below one folder, and lets one of
// them fail. Linux with glibc; loaded through LD_PRELOAD.
//
//   FAULT_FOLDER  the folder; a descriptor counts if its file was opened below it
//   FAULT_LOG     a file outside of it that gets one line "KIND PATH-OR-DESCRIPTOR" for each call, and "FAULT" for the
//                 injected one
//   FAULT_KIND    open read write copy sync rename unlink close truncate map stat lock list memory, or any
//   FAULT_CALL    which call of that kind is meant, from 1 on
//   FAULT_ACTION  a number: the call fails with this errno, and does nothing
//                 short: it reads, writes or copies half of what was asked for, and reports that
//                 kill: the process kills itself before the call
//                 stop: the process stops itself before the call, until somebody continues it
//   FAULT_MEMORY  the size in bytes from which on an allocation counts, once a file below the folder was opened
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PASS, SHORT, FAIL };

static const char *folder, *kind_wanted, *action;
static long call_wanted;
static size_t memory_size;
static int log_descriptor = -1;
static int error_wanted;
static atomic_long calls;
static atomic_int has_begun;
static _Atomic unsigned char is_watched[4096];

static void put(const char *text) {
  if (log_descriptor >= 0 && syscall(SYS_write, log_descriptor, text, strlen(text)) < 0) _exit(99);
}

__attribute__((constructor)) static void begin(void) {
  const char *call = getenv("FAULT_CALL"), *memory = getenv("FAULT_MEMORY"), *log = getenv("FAULT_LOG");
  kind_wanted = getenv("FAULT_KIND");
  action = getenv("FAULT_ACTION");
  call_wanted = call ? atol(call) : 0;
  error_wanted = action ? atoi(action) : 0;
  memory_size = memory ? (size_t)atol(memory) : 0;
  if (log) {
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    // Out of the way of the program's own descriptors, if the limit permits it.
    int high = fcntl(descriptor, F_DUPFD_CLOEXEC, 200);
    if (high >= 0) syscall(SYS_close, descriptor);
    log_descriptor = high >= 0 ? high : descriptor;
  }
  folder = getenv("FAULT_FOLDER");
}

// What becomes of a call that concerns the folder.
static int decide(const char *kind, const char *what) {
  char line[PATH_MAX + 64];
  snprintf(line, sizeof line, "%s %s\n", kind, what);
  put(line);
  if (!kind_wanted || (strcmp(kind_wanted, kind) != 0 && strcmp(kind_wanted, "any") != 0)) return PASS;
  if (atomic_fetch_add(&calls, 1) + 1 != call_wanted) return PASS;
  put("FAULT\n");
  if (strcmp(action, "kill") == 0) kill(getpid(), SIGKILL);
  if (strcmp(action, "stop") == 0) {
    kill(getpid(), SIGSTOP);
    return PASS;
  }
  if (strcmp(action, "short") == 0) return SHORT;
  errno = error_wanted;
  return FAIL;
}

static int path_decision(const char *kind, const char *path) {
  if (!folder || !path || strncmp(path, folder, strlen(folder)) != 0) return PASS;
  atomic_store(&has_begun, 1);
  return decide(kind, path);
}

static int descriptor_decision(const char *kind, int descriptor) {
  if (descriptor < 0 || descriptor >= 4096 || !is_watched[descriptor]) return PASS;
  char text[16];
  snprintf(text, sizeof text, "%d", descriptor);
  return decide(kind, text);
}

static int watch(const char *path, int descriptor) {
  if (folder && path && strncmp(path, folder, strlen(folder)) == 0 && descriptor >= 0 && descriptor < 4096)
    is_watched[descriptor] = 1;
  return descriptor;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define BY_PATH(result, name, kind, parameters, path, ...) \
  result name parameters { \
    REAL(name); \
    return path_decision(kind, path) == FAIL ? -1 : real(__VA_ARGS__); \
  }

#define BY_DESCRIPTOR(result, name, kind, parameters, descriptor, ...) \
  result name parameters { \
    REAL(name); \
    return descriptor_decision(kind, descriptor) == FAIL ? -1 : real(__VA_ARGS__); \
  }

// A short transfer is one of half the bytes, but of one at least.
#define TRANSFER(name, kind, parameters, descriptor, count, ...) \
  ssize_t name parameters { \
    REAL(name); \
    int decision = descriptor_decision(kind, descriptor); \
    if (decision == FAIL) return -1; \
    if (decision == SHORT && count > 1) count /= 2; \
    return real(__VA_ARGS__); \
  }

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    mode_t mode = 0; \
    if (flags & (O_CREAT | __O_TMPFILE)) { \
      va_list arguments; \
      va_start(arguments, flags); \
      mode = va_arg(arguments, mode_t); \
      va_end(arguments); \
    } \
    return path_decision("open", path) == FAIL ? -1 : watch(path, real(path, flags, mode)); \
  }

OPEN(open)
OPEN(open64)

int openat(int directory, const char *path, int flags, ...) {
  REAL(openat);
  mode_t mode = 0;
  if (flags & (O_CREAT | __O_TMPFILE)) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return path_decision("open", path) == FAIL ? -1 : watch(path, real(directory, path, flags, mode));
}

DIR *opendir(const char *path) {
  REAL(opendir);
  return path_decision("list", path) == FAIL ? NULL : real(path);
}

FILE *fopen(const char *path, const char *mode) {
  REAL(fopen);
  return path_decision("open", path) == FAIL ? NULL : real(path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
  REAL(fopen64);
  return path_decision("open", path) == FAIL ? NULL : real(path, mode);
}

int close(int descriptor) {
  REAL(close);
  int decision = descriptor_decision("close", descriptor);
  if (descriptor >= 0 && descriptor < 4096) is_watched[descriptor] = 0;
  // As on Linux, the descriptor is gone even if closing it fails.
  int saved = errno, result = real(descriptor);
  if (decision == FAIL) errno = saved;
  return decision == FAIL ? -1 : result;
}

TRANSFER(read, "read", (int d, void *b, size_t n), d, n, d, b, n)
TRANSFER(pread, "read", (int d, void *b, size_t n, off_t o), d, n, d, b, n, o)
TRANSFER(pread64, "read", (int d, void *b, size_t n, off64_t o), d, n, d, b, n, o)
TRANSFER(write, "write", (int d, const void *b, size_t n), d, n, d, b, n)
TRANSFER(pwrite, "write", (int d, const void *b, size_t n, off_t o), d, n, d, b, n, o)
TRANSFER(pwrite64, "write", (int d, const void *b, size_t n, off64_t o), d, n, d, b, n, o)
TRANSFER(copy_file_range, "copy", (int i, off64_t *a, int o, off64_t *b, size_t n, unsigned f), o, n, i, a, o, b, n, f)
TRANSFER(sendfile, "copy", (int o, int i, off_t *a, size_t n), o, n, o, i, a, n)
TRANSFER(sendfile64, "copy", (int o, int i, off64_t *a, size_t n), o, n, o, i, a, n)
BY_DESCRIPTOR(int, fsync, "sync", (int d), d, d)
BY_DESCRIPTOR(int, fdatasync, "sync", (int d), d, d)
BY_DESCRIPTOR(int, sync_file_range, "sync", (int d, off64_t a, off64_t n, unsigned f), d, d, a, n, f)
BY_DESCRIPTOR(int, ftruncate, "truncate", (int d, off_t n), d, d, n)
BY_DESCRIPTOR(int, ftruncate64, "truncate", (int d, off64_t n), d, d, n)
BY_DESCRIPTOR(int, fallocate, "truncate", (int d, int m, off_t o, off_t n), d, d, m, o, n)
BY_DESCRIPTOR(int, fallocate64, "truncate", (int d, int m, off64_t o, off64_t n), d, d, m, o, n)
BY_DESCRIPTOR(int, fstat, "stat", (int d, struct stat *s), d, d, s)
BY_DESCRIPTOR(int, fstatvfs, "stat", (int d, struct statvfs *s), d, d, s)
BY_DESCRIPTOR(int, flock, "lock", (int d, int o), d, d, o)
BY_DESCRIPTOR(int, fchmod, "mode", (int d, mode_t m), d, d, m)
BY_PATH(int, rename, "rename", (const char *a, const char *b), b, a, b)
BY_PATH(int, renameat, "rename", (int x, const char *a, int y, const char *b), b, x, a, y, b)
BY_PATH(int, renameat2, "rename", (int x, const char *a, int y, const char *b, unsigned f), b, x, a, y, b, f)
BY_PATH(int, link, "rename", (const char *a, const char *b), b, a, b)
BY_PATH(int, linkat, "rename", (int x, const char *a, int y, const char *b, int f), b, x, a, y, b, f)
BY_PATH(int, unlink, "unlink", (const char *p), p, p)
BY_PATH(int, unlinkat, "unlink", (int d, const char *p, int f), p, d, p, f)
BY_PATH(int, stat, "stat", (const char *p, struct stat *s), p, p, s)
BY_PATH(int, lstat, "stat", (const char *p, struct stat *s), p, p, s)
BY_PATH(int, access, "stat", (const char *p, int m), p, p, m)
BY_PATH(int, statvfs, "stat", (const char *p, struct statvfs *s), p, p, s)
BY_PATH(int, statvfs64, "stat", (const char *p, struct statvfs64 *s), p, p, s)

void *mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t offset) {
  // Before the loader has found it, and inside of it, there is no way to ask for the real one.
  if (descriptor_decision("map", descriptor) == FAIL) return MAP_FAILED;
  return (void *)syscall(SYS_mmap, address, size, protection, flags, descriptor, offset);
}

// The allocator of glibc under its own names, because dlsym allocates.
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static int is_refused(size_t size) {
  if (!memory_size || size < memory_size || !has_begun) return 0;
  return decide("memory", "") == FAIL;
}

void *malloc(size_t size) { return is_refused(size) ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
  return size && count < SIZE_MAX / size && is_refused(count * size) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) { return is_refused(size) ? NULL : __libc_realloc(old, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
  if (is_refused(size)) return ENOMEM;
  *result = __libc_memalign(alignment, size);
  return *result || !size ? 0 : ENOMEM;
}
