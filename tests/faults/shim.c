/* Preloaded (LD_PRELOAD), it counts the calls that change files below a folder, and at the n-th does something else:
   kills the process, writes half and kills it, or fails. Unlike a patch of Python's os it reaches SQLite and Arrow. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { COUNT, KILL, TEAR, FAIL, FAIL_ON };
static long at = -1, calls = 0;
static int mode = COUNT, error = ENOSPC;
static char folder[1024];

void shim_arm(const char *below, long n, int how, int number) {
  strncpy(folder, below, sizeof folder - 1);
  at = n, mode = how, error = number, calls = 0;
}
void shim_disarm(void) { at = -1; }
long shim_calls(void) { return calls; }

static int is_below(const char *path) { return at >= 0 && path && !strncmp(path, folder, strlen(folder)); }
static int is_of(int file) {
  char link[64], path[1024];
  if (at < 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return 0;
  path[n] = 0;
  return is_below(path);
}
/* Whether this call is to fail. */
static int fails(void) {
  long n = ++calls;
  if (n == at && mode == KILL) kill(getpid(), SIGKILL);
  if ((n == at && mode == FAIL) || (n >= at && mode == FAIL_ON)) { errno = error; return 1; }
  return 0;
}
static int tears(void) { return mode == TEAR && calls + 1 == at; }

#define REAL(result, name, ...) \
  static result (*real)(__VA_ARGS__); \
  if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *data, size_t n) {
  REAL(ssize_t, write, int, const void *, size_t);
  if (is_of(file)) {
    if (tears()) { real(file, data, n / 2); kill(getpid(), SIGKILL); }
    if (fails()) return -1;
  }
  return real(file, data, n);
}
ssize_t pwrite64(int file, const void *data, size_t n, off64_t offset) {
  REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
  if (is_of(file)) {
    if (tears()) { real(file, data, n / 2, offset); kill(getpid(), SIGKILL); }
    if (fails()) return -1;
  }
  return real(file, data, n, offset);
}
ssize_t pwrite(int file, const void *data, size_t n, off_t offset) { return pwrite64(file, data, n, offset); }
int fsync(int file) { REAL(int, fsync, int); return is_of(file) && fails() ? -1 : real(file); }
int fdatasync(int file) { REAL(int, fdatasync, int); return is_of(file) && fails() ? -1 : real(file); }
int ftruncate(int file, off_t n) { REAL(int, ftruncate, int, off_t); return is_of(file) && fails() ? -1 : real(file, n); }
int ftruncate64(int file, off64_t n) { REAL(int, ftruncate64, int, off64_t); return is_of(file) && fails() ? -1 : real(file, n); }
int rename(const char *from, const char *to) { REAL(int, rename, const char *, const char *); return is_below(to) && fails() ? -1 : real(from, to); }
int link(const char *from, const char *to) { REAL(int, link, const char *, const char *); return is_below(to) && fails() ? -1 : real(from, to); }
int unlink(const char *path) { REAL(int, unlink, const char *); return is_below(path) && fails() ? -1 : real(path); }
int mkdir(const char *path, mode_t bits) { REAL(int, mkdir, const char *, mode_t); return is_below(path) && fails() ? -1 : real(path, bits); }
int rmdir(const char *path) { REAL(int, rmdir, const char *); return is_below(path) && fails() ? -1 : real(path); }
#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(int, name, const char *, int, ...); \
    va_list more; va_start(more, flags); mode_t bits = va_arg(more, mode_t); va_end(more); \
    return (flags & O_CREAT) && is_below(path) && fails() ? -1 : real(path, flags, bits); \
  }
OPEN(open)
OPEN(open64)
