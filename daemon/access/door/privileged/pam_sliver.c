/*
 * The PAM step of a slice's session. sshd calls it as root once it knows the user, before it forks the process that
 * serves the channels: from here on both are in the cgroup `sN-access`, where what they use is counted, and in the
 * sliver's network namespace, where every forwarding happens. When that can't be, they get an empty one, in which there
 * is nothing to reach, and the login shell tells why: SLIVERD_REFUSED is only what it says. (An error from here would
 * make sshd end the session with 254 and no word on stderr.)
 *
 * Arguments: run=RUN_DIRECTORY cgroup=CGROUP_OF_ALL_SLIVERS sessions=MOST_OF_A_SLICE silence=SECONDS.
 */
#define _GNU_SOURCE
#include "sliver.h"
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#define PAM_SM_SESSION
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include "session.h"

/* Milliseconds that the daemon may take to start a sliver. */
#define START_WITHIN 60000
/* Seconds that one who is refused may take to hear why. */
#define REFUSED_STAYS 30
/* sshd's two, the login shell, crun, and the person's agent. */
#define PROCESSES_OF_A_SESSION 5
/* While the daemon that brought this module has not yet told how many. */
#define MOST_SESSIONS 150

static int join_cgroup(const char *cgroup, unsigned id)
{
  char path[PATH_MAX];
  snprintf(path, sizeof path, CGROUPS "%s/s%u-access", cgroup, id);
  if (mkdir(path, 0755) < 0 && errno != EEXIST) return -1;
  snprintf(path, sizeof path, CGROUPS "%s/s%u-access/cgroup.procs", cgroup, id);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int joined = write(fd, "0", 1) == 1;
  close(fd);
  return joined ? 0 : -1;
}

/* Whether the slice's sessions have room for the processes of one more: at its bound sshd could only hang up. */
static int has_room(const char *cgroup, unsigned id)
{
  char path[PATH_MAX], most[32], now[32];
  snprintf(path, sizeof path, CGROUPS "%s/s%u-access/pids.max", cgroup, id);
  if (slurp(path, most, sizeof most) <= 0 || !strncmp(most, "max", 3)) return 1;
  snprintf(path, sizeof path, CGROUPS "%s/s%u-access/pids.current", cgroup, id);
  return slurp(path, now, sizeof now) <= 0 || atoi(now) + PROCESSES_OF_A_SESSION <= atoi(most);
}

static int refuse(pam_handle_t *pamh, const char *why)
{
  char entry[600];
  /* A connection without a program would stay. What ends is the process that serves it, and with it the connection. */
  alarm(REFUSED_STAYS);
  snprintf(entry, sizeof entry, "SLIVERD_REFUSED=%s", why);
  pam_putenv(pamh, entry);
  pam_syslog(pamh, LOG_NOTICE, "no session: %s", why);
  return unshare(CLONE_NEWNET) == 0 ? PAM_SUCCESS : PAM_SESSION_ERR;
}

/* Asks the daemon to start the sliver, and waits: 0, or -1 and one line why not. */
static int start(const char *run, const char *slice, char *why, size_t size)
{
  struct sockaddr_un to = { .sun_family = AF_UNIX };
  char text[8192];
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  snprintf(to.sun_path, sizeof to.sun_path, "%s/admin.sock", run);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
    snprintf(why, size, "the sliver is not running, and neither is the node's daemon, which would start it");
    if (fd >= 0) close(fd);
    return -1;
  }
  int length = snprintf(text, sizeof text,
    "POST /v1/slivers/%s/start HTTP/1.1\r\nHost: node\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", slice);
  size_t got = 0;
  if (write(fd, text, length) == length) {
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    ssize_t n;
    while (got < sizeof text - 1 && poll(&ready, 1, START_WITHIN) > 0 && (n = read(fd, text + got, sizeof text - 1 - got)) > 0)
      got += n;
  }
  close(fd);
  text[got] = 0;
  if (strncmp(text, "HTTP/1.1 2", 10) == 0) return 0;
  char *detail = strstr(text, "\"detail\":\"");
  size_t at = 0;
  snprintf(why, size, "the sliver could not be started");
  if (!detail) return -1;
  for (detail += 10; *detail && *detail != '"' && at + 1 < size; detail++) {
    int escaped = *detail == '\\' && detail[1];
    if (escaped) detail++;
    /* Lines and tabs become spaces. */
    if ((unsigned char)*detail >= ' ') why[at++] = escaped && strchr("nrt", *detail) ? ' ' : *detail;
  }
  why[at] = 0;
  return -1;
}

/* `others`: how many sessions the slice has beside this one. `elsewhere`: why ssh doesn't reach this sliver at all (accounts.ts). */
static int enter(pam_handle_t *pamh, const char *run, const char *cgroup, const char *slice, unsigned id, const char *elsewhere,
                 int others, int most)
{
  char why[512] = "";
  int init = -1;
  if (others >= most) snprintf(why, sizeof why, "%s has %d sessions already, as many as it may: end one first", slice, most);
  else if (*elsewhere) snprintf(why, sizeof why, "%s", elsewhere);
  else if (frozen(cgroup, id)) snprintf(why, sizeof why, "the sliver is frozen: 'sliverctl sliver thaw %s' lets it go on", slice);
  else if ((init = init_of(run, cgroup, id)) < 0) {
    /* In no cgroup of the sliver's: what an earlier start left is cleared away first, with all that is in there. */
    if (start(run, slice, why, sizeof why) < 0) return refuse(pamh, why);
    if ((init = init_of(run, cgroup, id)) < 0) return refuse(pamh, "the sliver is not running");
  }
  /* Who is told so is no more of them. */
  if (!has_room(cgroup, id)) {
    if (init >= 0) close(init);
    snprintf(why, sizeof why, "the sessions of %s have as many processes as they may: end one first", slice);
    return refuse(pamh, why);
  }
  int joined = join_cgroup(cgroup, id) == 0 && (init < 0 || setns(init, CLONE_NEWNET) == 0);
  if (init >= 0) close(init);
  if (!*why && !joined) return refuse(pamh, "the sliver could not be joined");
  return *why ? refuse(pamh, why) : PAM_SUCCESS;
}

int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
  const char *slice = NULL, *run = NULL, *cgroup = NULL;
  struct record *record = NULL;
  int most = MOST_SESSIONS, silence = 0;
  (void)flags;
  for (int i = 0; i < argc; i++) {
    if (strncmp(argv[i], "run=", 4) == 0) run = argv[i] + 4;
    if (strncmp(argv[i], "cgroup=", 7) == 0) cgroup = argv[i] + 7;
    if (strncmp(argv[i], "sessions=", 9) == 0) most = atoi(argv[i] + 9);
    if (strncmp(argv[i], "silence=", 8) == 0) silence = atoi(argv[i] + 8);
  }
  if (!run || !cgroup || most <= 0 || pam_get_user(pamh, &slice, NULL) != PAM_SUCCESS || !slice) return PAM_SESSION_ERR;
  struct passwd *account = getpwnam(slice);
  unsigned id = account ? sliver_of(account->pw_uid) : 0;
  if (!id) return refuse(pamh, "no such slice");
  give_up_after(silence);
  int others = record_begin(pamh, run, id, slice, 2 * most, &record);
  if (others >= 2 * most) _exit(255); /* who goes on past what he was told gets no process to be told by */
  int result = enter(pamh, run, cgroup, slice, id, account->pw_gecos, others, most);
  if (record) record_whole(pamh, record);
  return result;
}

int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
  (void)flags, (void)argc, (void)argv;
  record_end(pamh);
  return PAM_SUCCESS;
}
