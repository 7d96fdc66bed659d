/* A terminal of the sliver's making, and the bytes between it and sshd's. */
#include <poll.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

static volatile sig_atomic_t resized, ended;
static void on_resize(int signal) { (void)signal; resized = 1; }
static void on_end(int signal) { (void)signal; ended = 1; }

static int console_listen(const char *path)
{
  struct sockaddr_un at = { .sun_family = AF_UNIX };
  if (strlen(path) >= sizeof at.sun_path) return -1;
  strcpy(at.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 1) < 0) return -1;
  return fd;
}

/* The master side that crun hands over, or -1 when it ended without. */
static int console_take(int listener, pid_t child)
{
  struct pollfd ready = { .fd = listener, .events = POLLIN };
  siginfo_t end;
  for (;;) {
    if (poll(&ready, 1, 20) > 0) break;
    end.si_pid = 0;
    if (waitid(P_PID, child, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid == child) return -1;
  }
  int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC), fd = -1;
  char byte[64], control[CMSG_SPACE(sizeof fd)];
  struct iovec data = { byte, sizeof byte };
  struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
  if (connection >= 0 && recvmsg(connection, &message, MSG_CMSG_CLOEXEC) > 0) {
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(header), sizeof fd);
  }
  if (connection >= 0) close(connection);
  return fd;
}

struct stream { int from, to; size_t at, length; char bytes[16384]; };

/* Moves what there is; 0 when `from` has ended and all of it is written, or `to` is gone. */
static int move(struct stream *one, short readable, short writable)
{
  ssize_t n;
  if (one->length == 0 && readable) {
    n = read(one->from, one->bytes, sizeof one->bytes);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return 0;
    if (n > 0) one->at = 0, one->length = n, writable = 1;
  }
  if (one->length > 0 && writable) {
    n = write(one->to, one->bytes + one->at, one->length);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return 0;
    if (n > 0) one->at += n, one->length -= n;
  }
  return 1;
}

/* As wait(2) tells it. */
static int status_of(pid_t child)
{
  int status = 255 << 8;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return status;
}

/* Until the program ends and all it wrote is passed on; its status. Who else holds the terminal isn't waited for. */
static int relay(int master, pid_t child)
{
  static struct stream in, out;
  struct termios before, raw;
  struct winsize size;
  sigset_t blocked, open;
  unsigned number;
  /* What crun passes on is what the guest's /dev/ptmx gave it, which may be anything. */
  if (master < 0 || ioctl(master, TIOCGPTN, &number) < 0) {
    if (master >= 0) fputs("sliverd: the sliver gave no terminal\n", stderr);
    return master < 0 ? status_of(child) : 255 << 8;
  }
  in.from = 0, in.to = master, out.from = master, out.to = 1;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGWINCH);
  sigaddset(&blocked, SIGCHLD);
  sigprocmask(SIG_BLOCK, &blocked, &open);
  sigdelset(&open, SIGWINCH);
  sigdelset(&open, SIGCHLD);
  sigaction(SIGWINCH, &(struct sigaction){ .sa_handler = on_resize }, NULL);
  sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = on_end }, NULL);
  siginfo_t over = { 0 };
  if (waitid(P_PID, child, &over, WEXITED | WNOHANG | WNOWAIT) == 0 && over.si_pid == child) ended = 1;
  tcgetattr(0, &before);
  raw = before;
  cfmakeraw(&raw);
  tcsetattr(0, TCSANOW, &raw);
  for (int i = 0; i < 2; i++) fcntl(i, F_SETFL, fcntl(i, F_GETFL) | O_NONBLOCK);
  fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
  resized = 1;
  for (;;) {
    if (resized && (resized = 0, ioctl(0, TIOCGWINSZ, &size) == 0)) ioctl(master, TIOCSWINSZ, &size);
    struct pollfd fds[] = {
      { 0, in.length ? 0 : POLLIN, 0 }, { master, (out.length ? 0 : POLLIN) | (in.length ? POLLOUT : 0), 0 },
      { 1, out.length ? POLLOUT : 0, 0 },
    };
    struct timespec moment = { 0, 20000000 };
    int found = ppoll(fds, 3, ended ? &moment : NULL, &open);
    if (found < 0 && errno == EINTR) continue;
    if (found <= 0 && ended && !out.length) break;
    if (!move(&out, fds[1].revents & (POLLIN | POLLHUP), fds[2].revents)) break;
    if (!move(&in, fds[0].revents, fds[1].revents & POLLOUT)) break;
  }
  tcsetattr(0, TCSADRAIN, &before);
  close(master);
  return status_of(child);
}
