/*
 * What both programs of the privileged step share: which sliver a uid is root of, and where the node keeps it
 * (docs/decisions/0026-ssh-front-door.md). The uids are those of daemon/slivers/record.ts.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define UID_FIRST 0x70000000u
#define UIDS_PER_SLIVER 65536u
#define MAX_ID 4095u
#define CGROUPS "/sys/fs/cgroup"

/* The sliver that `uid` is root of, or 0. Others of its range are a guest's own users, and nobody here. */
static unsigned sliver_of(uid_t uid)
{
  if (uid < UID_FIRST || (uid - UID_FIRST) % UIDS_PER_SLIVER != 0) return 0;
  unsigned id = (uid - UID_FIRST) / UIDS_PER_SLIVER;
  return id <= MAX_ID ? id : 0;
}

/* Reads a small file whole, as text; its length, or -1 when it isn't there or doesn't fit. */
static ssize_t slurp(const char *path, char *into, size_t size)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  size_t length = 0;
  ssize_t got;
  while (length < size && (got = read(fd, into + length, size - length)) > 0) length += got;
  close(fd);
  if (length == size) return -1;
  into[length] = 0;
  return length;
}

static int frozen(const char *cgroup, unsigned id)
{
  char path[PATH_MAX], text[8];
  snprintf(path, sizeof path, CGROUPS "%s/s%u/cgroup.freeze", cgroup, id);
  return slurp(path, text, sizeof text) > 0 && text[0] == '1';
}

/* The number that a file of root's has, 0 without one. */
static int pid_in(const char *path)
{
  char text[32];
  return slurp(path, text, sizeof text) > 0 ? atoi(text) : 0;
}

/*
 * The sliver's init, pinned: its pid is from a file, and might be another's by now. Only while a pidfd says that the
 * process lives is what /proc told of that pid true of this process.
 */
static int init_of(const char *run, const char *cgroup, unsigned id)
{
  char path[PATH_MAX], text[4096], line[PATH_MAX];
  snprintf(path, sizeof path, "%s/slivers/%u/pid", run, id);
  int pid = pid_in(path);
  if (pid <= 1) return -1;
  int fd = syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return -1;
  snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
  snprintf(line, sizeof line, "0::%s/s%u\n", cgroup, id);
  char *found = slurp(path, text, sizeof text) > 0 ? strstr(text, line) : NULL;
  if (!found || (found != text && found[-1] != '\n') || syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}
