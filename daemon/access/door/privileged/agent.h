/*
 * The person's agent, inside the sliver: a socket there, and a process of ours that passes its bytes to the one that sshd
 * made for this session. That process is root of the sliver and nothing more, before it touches a file of the guest's: whatever
 * the guest put into its /tmp leads to its own. The guest doesn't see it (another pid namespace); of the host's files it
 * keeps the session's own folder of sockets alone.
 */
#include <ctype.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define AGENT_AT_ONCE 16
/* Milliseconds that a guest's /tmp may take: it may be a file system of the guest's making. */
#define AGENT_WITHIN 2000

struct agent { struct stream in, out; int open; };

/* The folder of the socket that sshd made, and the socket's name in it; -1 for anything else. */
static int agent_folder(const char *path, uid_t caller, char *name, size_t size)
{
  static const char begin[] = "/tmp/ssh-", agent[] = "agent.";
  char folder[64];
  struct stat stat;
  if (!path || strncmp(path, begin, sizeof begin - 1) != 0) return -1;
  const char *at = path + sizeof begin - 1;
  while (isalnum((unsigned char)*at)) at++;
  if (*at != '/' || (size_t)(at - path) >= sizeof folder || strncmp(at + 1, agent, sizeof agent - 1) != 0) return -1;
  snprintf(folder, sizeof folder, "%.*s", (int)(at - path), path);
  if ((size_t)snprintf(name, size, "%s", at + 1) >= size || name[strspn(name, "agent.0123456789")]) return -1;
  int fd = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  if (fstat(fd, &stat) == 0 && stat.st_uid == caller && (stat.st_mode & 07777) == 0700) return fd;
  close(fd);
  return -1;
}

static int agent_open(struct agent *one, int listener, const char *name)
{
  struct sockaddr_un to = { .sun_family = AF_UNIX };
  snprintf(to.sun_path, sizeof to.sun_path, "%s", name);
  int guest = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  int host = guest < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  /* From the working directory, which setns(2) would have changed: the host's, outside of our root. */
  if (host < 0 || connect(host, (struct sockaddr *)&to, sizeof to) < 0) {
    if (host >= 0) close(host);
    if (guest >= 0) close(guest);
    return 0;
  }
  one->in.from = one->out.to = guest;
  one->in.to = one->out.from = host;
  one->in.length = one->out.length = 0;
  return 1;
}

/* Until the login shell is gone, which is what `life` tells. */
static void agent_serve(int life, int listener, const char *name)
{
  static struct agent agents[AGENT_AT_ONCE];
  struct pollfd fds[2 + 2 * AGENT_AT_ONCE];
  for (;;) {
    int free = -1;
    for (int i = 0; i < AGENT_AT_ONCE; i++) {
      struct agent *one = &agents[i];
      if (!one->open) free = i;
      fds[2 + 2 * i] = (struct pollfd){ one->open ? one->in.from : -1, (one->in.length ? 0 : POLLIN) | (one->out.length ? POLLOUT : 0), 0 };
      fds[3 + 2 * i] = (struct pollfd){ one->open ? one->in.to : -1, (one->out.length ? 0 : POLLIN) | (one->in.length ? POLLOUT : 0), 0 };
    }
    fds[0] = (struct pollfd){ life, POLLIN, 0 };
    fds[1] = (struct pollfd){ free < 0 ? -1 : listener, POLLIN, 0 };
    if (poll(fds, 2 + 2 * AGENT_AT_ONCE, -1) < 0 && errno != EINTR) return;
    if (fds[0].revents) return;
    for (int i = 0; i < AGENT_AT_ONCE; i++) {
      struct agent *one = &agents[i];
      short guest = fds[2 + 2 * i].revents, host = fds[3 + 2 * i].revents;
      if (!one->open || !(guest | host)) continue;
      if (move(&one->in, guest & (POLLIN | POLLHUP), host & POLLOUT) && move(&one->out, host & (POLLIN | POLLHUP), guest & POLLOUT) &&
          !((guest | host) & POLLERR))
        continue;
      close(one->in.from), close(one->in.to);
      one->open = 0;
    }
    if (fds[1].revents && free >= 0) agents[free].open = agent_open(&agents[free], listener, name);
  }
}

static int without_rights(void)
{
  struct __user_cap_header_struct version = { _LINUX_CAPABILITY_VERSION_3, 0 };
  struct __user_cap_data_struct none[2] = { 0 };
  return setgroups(0, NULL) == 0 && setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0 && syscall(SYS_capset, &version, none) == 0 &&
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* Only returns by exit. Tells `life` where the socket is. */
static void agent_live(int life, int init, int folder, const char *name)
{
  char inside[] = "/tmp/ssh-XXXXXXXXXX";
  struct sockaddr_un at = { .sun_family = AF_UNIX };
  setsid(); /* sshd's signals are for the program */
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int i = 0; i < 3; i++) dup2(null, i);
  if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || setns(init, CLONE_NEWUSER | CLONE_NEWNS) < 0 || !without_rights()) _exit(1);
  if (fchdir(folder) < 0 || !mkdtemp(inside)) _exit(1);
  snprintf(at.sun_path, sizeof at.sun_path, "%s/agent", inside);
  umask(0177);
  signal(SIGPIPE, SIG_IGN);
  close(init), close(folder), close(null);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int length = strlen(at.sun_path);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, AGENT_AT_ONCE) == 0 && write(life, at.sun_path, length) == length)
    agent_serve(life, listener, name);
  unlink(at.sun_path);
  rmdir(inside);
  _exit(0);
}

/* Makes SSH_AUTH_SOCK what it is inside, or nothing where the person gave no agent. What is returned stays open as long as it. */
static int agent_begin(const char *run, const char *cgroup, unsigned id, uid_t caller)
{
  char name[32], path[108] = "";
  int life[2], folder = agent_folder(getenv("SSH_AUTH_SOCK"), caller, name, sizeof name);
  unsetenv("SSH_AUTH_SOCK");
  if (folder < 0) return -1;
  int init = init_of(run, cgroup, id);
  if (init < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, life) < 0) return -1;
  pid_t child = fork();
  if (child == 0) close(life[0]), agent_live(life[1], init, folder, name);
  close(life[1]), close(init), close(folder);
  struct pollfd ready = { life[0], POLLIN, 0 };
  ssize_t length = child > 0 && poll(&ready, 1, AGENT_WITHIN) > 0 ? read(life[0], path, sizeof path - 1) : -1;
  if (length > 0) {
    path[length] = 0;
    setenv("SSH_AUTH_SOCK", path, 1);
    return life[0];
  }
  if (child > 0) kill(child, SIGKILL);
  fputs("sliverd: your agent could not be had in the sliver (it needs its /tmp)\n", stderr);
  close(life[0]);
  return -1;
}
