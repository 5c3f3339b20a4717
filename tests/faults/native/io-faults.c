/*
 * Makes writes and syncs of some files fail, as a full or a broken disk does. Loaded with LD_PRELOAD.
 *
 *   FAULT_IO_PATH   only files whose path ends with this, or with this and -wal
 *   FAULT_IO        CALL:ERROR:EVERY,...   CALL is write, sync or truncate; ERROR is EIO or ENOSPC;
 *                   of EVERY such calls about one fails, by chance
 *   FAULT_IO_SEED   of that chance
 *   FAULT_IO_LOG    a file to which a byte is appended for each failure: w, s or t
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITE, SYNC, TRUNCATE, CALLS };
static const char *names[CALLS] = {"write", "sync", "truncate"};
static const char marks[CALLS] = {'w', 's', 't'};
static unsigned every[CALLS];
static int error_of[CALLS];
static const char *path_part;
static int log_file = -1;
static uint64_t state;

__attribute__((constructor)) static void read_environment(void) {
  const char *spec = getenv("FAULT_IO");
  const char *seed = getenv("FAULT_IO_SEED");
  const char *log = getenv("FAULT_IO_LOG");
  path_part = getenv("FAULT_IO_PATH");
  state = (seed ? strtoull(seed, NULL, 10) : 1) * 0x9e3779b97f4a7c15ull + 1;
  if (log) log_file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  char copy[256];
  snprintf(copy, sizeof copy, "%s", spec ? spec : "");
  for (char *part = strtok(copy, ","); part; part = strtok(NULL, ",")) {
    char call[16], error[16];
    unsigned n;
    if (sscanf(part, "%15[a-z]:%15[A-Z]:%u", call, error, &n) != 3) continue;
    for (int i = 0; i < CALLS; i++)
      if (!strcmp(call, names[i])) {
        every[i] = n;
        error_of[i] = strcmp(error, "ENOSPC") ? EIO : ENOSPC;
      }
  }
}

/* Threads may draw the same number; that does no harm. */
static unsigned draw(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state >> 33);
}

/* Whether it is the file itself, or its log. */
static int ends_with(char *path, const char *end) {
  size_t length = strlen(path), part = strlen(end);
  if (length > 4 && !strcmp(path + length - 4, "-wal")) path[length -= 4] = 0;
  return length >= part && !strcmp(path + length - part, end);
}

static int fails(int fd, int call) {
  char link[64], path[4096];
  if (!every[call] || !path_part) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (!ends_with(path, path_part) || draw() % every[call]) return 0;
  if (log_file >= 0) {
    ssize_t (*plain)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    if (plain) (void)!plain(log_file, &marks[call], 1);
  }
  errno = error_of[call];
  return 1;
}

#define NEXT(result, name, ...) \
  static result (*next)(__VA_ARGS__); \
  if (!next) next = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
  return fails(fd, WRITE) ? -1 : next(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  return fails(fd, WRITE) ? -1 : next(fd, bytes, count, at);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  NEXT(ssize_t, "write", int, const void *, size_t);
  return fails(fd, WRITE) ? -1 : next(fd, bytes, count);
}

int fsync(int fd) {
  NEXT(int, "fsync", int);
  return fails(fd, SYNC) ? -1 : next(fd);
}

int fdatasync(int fd) {
  NEXT(int, "fdatasync", int);
  return fails(fd, SYNC) ? -1 : next(fd);
}

int ftruncate(int fd, off_t length) {
  NEXT(int, "ftruncate", int, off_t);
  return fails(fd, TRUNCATE) ? -1 : next(fd, length);
}

int ftruncate64(int fd, off64_t length) {
  NEXT(int, "ftruncate64", int, off64_t);
  return fails(fd, TRUNCATE) ? -1 : next(fd, length);
}
