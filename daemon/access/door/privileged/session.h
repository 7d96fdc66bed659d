/*
 * The record of a session: a file of `RUN/sessions`, which is root's alone, made by the PAM step and read by the daemon
 * (daemon/access/sessions), when it runs. `.SLIVER-RANDOM` while it comes about, `SLIVER-RANDOM` while the session goes on,
 * `SLIVER-RANDOM.ended` after it. No word in it is a guest's: the sliver has no process yet, and the key is what sshd found right.
 */
#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define RECORD "sliverd-session"
/* Ended sessions of a slice that wait to be told while the daemon is down. */
#define MOST_UNTOLD 500
/* Longer certificates are recorded without their end. */
#define MOST_AUTH (64 << 10)
/* What the client's disconnect may take from its words to its end, in milliseconds. */
#define GOODBYE 200

struct record { unsigned id; FILE *file; char path[PATH_MAX], fresh[PATH_MAX], run[256]; };

static long long now(void)
{
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  return at.tv_sec * 1000LL + at.tv_nsec / 1000000;
}

/* When a process began, in the kernel's ticks: with its pid, what no other process has. */
static unsigned long long began(pid_t pid)
{
  char path[32], text[1024];
  unsigned long long ticks = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  if (slurp(path, text, sizeof text) <= 0) return 0;
  char *at = strrchr(text, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  return at && sscanf(at, "%llu", &ticks) == 1 ? ticks : 0;
}

/* The connection among sshd's descriptors, or -1. */
static int connection(struct sockaddr_storage *peer)
{
  for (int fd = 3; fd < 64; fd++) {
    socklen_t size = sizeof *peer;
    if (getpeername(fd, (struct sockaddr *)peer, &size) == 0 && (peer->ss_family == AF_INET || peer->ss_family == AF_INET6))
      return fd;
  }
  return -1;
}

/* What is not acknowledged for so long ends the connection: sshd itself asks no client while a program keeps it busy (configuration.ts). */
static void give_up_after(int seconds)
{
  struct sockaddr_storage peer;
  unsigned milliseconds = seconds * 1000u;
  if (seconds > 0) setsockopt(connection(&peer), IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

/* What the kernel knows of the connection, also of one that is over: its descriptor, or -1. */
static int told_of(struct tcp_info *info)
{
  for (int fd = 3; fd < 64; fd++) {
    socklen_t size = sizeof *info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size) == 0) return fd;
  }
  return -1;
}

/* How many records a sliver has that end so: "" (those that come about too) or ".ended". */
static int records(const char *run, unsigned id, const char *end)
{
  char path[PATH_MAX], begin[16];
  struct dirent *entry;
  int count = 0;
  snprintf(path, sizeof path, "%s/sessions", run);
  int length = snprintf(begin, sizeof begin, "%u-", id);
  DIR *folder = opendir(path);
  while (folder && (entry = readdir(folder))) {
    const char *name = entry->d_name + (entry->d_name[0] == '.'), *dot = strchr(name, '.');
    if (strncmp(name, begin, length) == 0 && strcmp(dot ? dot : "", end) == 0) count++;
  }
  if (folder) closedir(folder);
  return count;
}

static void forget(pam_handle_t *pamh, void *data, int status)
{
  (void)pamh, (void)status;
  free(data);
}

/*
 * Begins a record, unless the slice has `most` already: how many it has, its own left out, or -1 when it can't be recorded. A lock
 * on the folder keeps those who come at once from counting none of each other.
 */
static int record_begin(pam_handle_t *pamh, const char *run, unsigned id, const char *slice, int most, struct record **made)
{
  struct record *record = calloc(1, sizeof *record);
  struct sockaddr_storage peer;
  char folder[300], host[NI_MAXHOST] = "", port[NI_MAXSERV] = "0";
  unsigned random;
  snprintf(folder, sizeof folder, "%s/sessions", run);
  mkdir(folder, 0700);
  int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (!record || lock < 0 || flock(lock, LOCK_EX) < 0 || getrandom(&random, sizeof random, 0) != sizeof random) goto failed;
  int count = records(run, id, "");
  if (count >= most) {
    close(lock), free(record);
    return count;
  }
  record->id = id;
  snprintf(record->run, sizeof record->run, "%s", run);
  snprintf(record->path, sizeof record->path, "%s/%u-%08x", folder, id, random);
  snprintf(record->fresh, sizeof record->fresh, "%s/.%u-%08x", folder, id, random);
  int fd = open(record->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  record->file = fd < 0 ? NULL : fdopen(fd, "w");
  if (!record->file) goto failed;
  close(lock);
  if (connection(&peer) >= 0)
    getnameinfo((struct sockaddr *)&peer, sizeof peer, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
  const char *auth = pam_getenv(pamh, "SSH_AUTH_INFO_0");
  size_t length = auth ? strcspn(auth, "\n") : 0;
  fprintf(record->file, "slice %s\npid %d\nstart %llu\naddress %s\nport %s\nauth %.*s\n", slice, getpid(), began(getpid()), host,
    port, (int)(length < MOST_AUTH ? length : MOST_AUTH), auth ? auth : "");
  *made = record;
  return count;
failed:
  if (lock >= 0) close(lock);
  free(record);
  return -1;
}

/* Whole or not at all. */
static void record_whole(pam_handle_t *pamh, struct record *record)
{
  const char *refused = pam_getenv(pamh, "SLIVERD_REFUSED");
  fprintf(record->file, "since %lld\n", now());
  if (refused) fprintf(record->file, "refused %s\n", refused);
  if (fclose(record->file) != 0 || rename(record->fresh, record->path) < 0) {
    unlink(record->fresh);
    free(record);
  } else if (pam_set_data(pamh, RECORD, record, forget) != PAM_SUCCESS) free(record);
}

/* Stopped with the sliver, closed by the client, or (it was there to the last, or the kernel gave it up) lost. */
static const char *how(const struct record *record)
{
  char path[PATH_MAX];
  struct tcp_info info;
  snprintf(path, sizeof path, "%s/slivers/%u/login.json", record->run, record->id);
  if (access(path, F_OK) < 0) return "stopped";
  struct pollfd gone = { .fd = told_of(&info), .events = POLLRDHUP };
  if (gone.fd < 0) return "closed";
  if (info.tcpi_state == TCP_ESTABLISHED) poll(&gone, 1, GOODBYE);
  if (told_of(&info) < 0) return "closed";
  if (info.tcpi_state == TCP_CLOSE) return info.tcpi_retransmits ? "lost" : "closed";
  return info.tcpi_state == TCP_ESTABLISHED ? "lost" : "closed";
}

static void record_end(pam_handle_t *pamh)
{
  const void *data;
  char ended[PATH_MAX + 8];
  if (pam_get_data(pamh, RECORD, &data) != PAM_SUCCESS || !data) return;
  const struct record *record = data;
  FILE *to = fopen(record->path, "r+e");
  if (!to) return; /* told already, as killed */
  fseek(to, 0, SEEK_END);
  fprintf(to, "ended %lld %s\n", now(), how(record));
  fclose(to);
  snprintf(ended, sizeof ended, "%s.ended", record->path);
  if (records(record->run, record->id, ".ended") < MOST_UNTOLD) rename(record->path, ended);
  else unlink(record->path);
}
