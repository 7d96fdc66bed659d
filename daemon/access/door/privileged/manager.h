/*
 * `ssh SLICE@NODE -s manager`: the session's input and output are a connection to the slice's own manager's socket. Whoever
 * may log in is root in there, and has that socket anyway; nothing is run in the sliver for it. Connected as root, in a folder of the
 * node's that no guest can change; what passes is passed without rights.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What sshd asks for as that subsystem (daemon/access/door/configuration.ts): its name inside. */
#define MANAGER "/run/sliverd/manager.sock"

/* By a descriptor of the folder, whose path may be longer than an address can be. */
static int manager_connect(const char *run, unsigned id)
{
  char path[512];
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  snprintf(path, sizeof path, "%s/slivers/%u/inside", run, id);
  int folder = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int manager = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/manager.sock", folder);
  int connected = folder < 0 || manager < 0 ? -1 : connect(manager, (struct sockaddr *)&address, sizeof address);
  close(folder);
  return connected < 0 ? -1 : manager;
}

/* As the answer that a client reads: sshd passes no standard error of a subsystem's. */
static int manager_away(void)
{
  static const char body[] = "{\"type\":\"urn:sliverd:problem:busy\",\"title\":\"Too much at once\",\"status\":503,"
    "\"detail\":\"the manager does not answer: try again when the node's daemon runs\",\"code\":\"busy\"}";
  printf("HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
    "content-length: %zu\r\n\r\n%s", sizeof body - 1, body);
  return 255;
}

struct way {
  int from, to;
  size_t begin, end;
  char bytes[65536];
};

/* What is here goes on; then more is read. 0 when nobody takes it any more, or there is no more. */
static int go(struct way *way)
{
  if (way->begin < way->end) {
    ssize_t written = write(way->to, way->bytes + way->begin, way->end - way->begin);
    if (written > 0) way->begin += written;
    return written > 0 || errno == EAGAIN || errno == EINTR;
  }
  ssize_t length = read(way->from, way->bytes, sizeof way->bytes);
  way->begin = 0, way->end = length > 0 ? length : 0;
  return length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR));
}

/*
 * Until the manager has no more to say, or its client has gone. That a client says no more isn't passed on: an HTTP server takes it
 * for a client who has gone, and who asked and then closed its side still waits for the answer.
 */
static void manager_relay(int manager)
{
  static struct way in, out;
  in.from = 0, in.to = manager, out.from = manager, out.to = 1;
  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < 2; i++) fcntl(i, F_SETFL, fcntl(i, F_GETFL) | O_NONBLOCK);
  fcntl(manager, F_SETFL, O_NONBLOCK);
  for (int asks = 1;;) {
    struct pollfd ends[3] = {
      { .fd = !asks ? -1 : in.begin < in.end ? in.to : in.from, .events = in.begin < in.end ? POLLOUT : POLLIN },
      { .fd = out.begin < out.end ? out.to : out.from, .events = out.begin < out.end ? POLLOUT : POLLIN },
      { .fd = 1 },
    };
    if (poll(ends, 3, -1) < 0 && errno != EINTR) return;
    if (ends[2].revents) return;
    if (ends[0].revents && !go(&in)) asks = 0;
    if (ends[1].revents && !go(&out)) return;
  }
}
