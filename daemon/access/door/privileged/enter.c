/*
 * The login shell of slices, set-uid root: has `crun exec` begin a program in the sliver that the caller is root of. Which one is
 * told by the kernel alone (getuid); arguments and environment only say what to run in there, as JSON in a memory file,
 * so that crun parses no word of a guest's. docs/decisions/0026-ssh-front-door.md says why this can't be misused.
 */
#define _GNU_SOURCE
#include "json.h"
#include "signals.h"
#include "sliver.h"
#include "terminal.h"
#include "agent.h"
#include "manager.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

extern char **environ;

static void fail(const char *format, ...)
{
  va_list words;
  va_start(words, format);
  fputs("sliverd: ", stderr);
  vfprintf(stderr, format, words);
  fputs("\n", stderr);
  exit(255);
}

/* Where the node is: `enter.conf` beside this program, two lines. Both must be root's alone: a hard link elsewhere has none. */
static void settings(char *path, char *run, char *cgroup)
{
  char text[1024];
  struct stat folder;
  ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 16);
  if (length <= 0) fail("no /proc");
  path[length] = 0;
  *strrchr(path, '/') = 0;
  if (stat(path, &folder) < 0 || folder.st_uid != 0 || (folder.st_mode & 022)) fail("not where sliverd put it");
  char *end = path + strlen(path);
  strcpy(end, "/enter.conf");
  if (slurp(path, text, sizeof text) < 0 || sscanf(text, "%255s %255s", run, cgroup) != 2) fail("no %s", path);
  *end = 0;
}

/* Of its end, as of a warning (daemon/slivers/expiry/account.ts). */
#define NEAR (7 * 86400)
static void tell_end(const char *run, unsigned id)
{
  char path[PATH_MAX], text[32], when[32];
  struct tm utc;
  snprintf(path, sizeof path, "%s/slivers/%u/ends", run, id);
  time_t end = slurp(path, text, sizeof text) > 0 ? strtoll(text, NULL, 10) : 0;
  if (end <= 0 || end - time(NULL) > NEAR || !gmtime_r(&end, &utc)) return;
  strftime(when, sizeof when, "%F %R UTC", &utc);
  printf("sliverd: this sliver ends at %s, unless it is renewed\n", when);
}

/* What the owner of the node tells whoever logs in (door.ts), and the node itself. */
static void greet(const char *folder, const char *run, unsigned id)
{
  static char text[32768];
  char path[PATH_MAX + 8];
  snprintf(path, sizeof path, "%s/motd", folder);
  if (slurp(path, text, sizeof text) > 0) fputs(text, stdout);
  tell_end(run, id);
  fflush(stdout);
}

/* What sshd tells a session; everything else in the environment is of the host and stays there. */
static int passes(const char *entry)
{
  static const char *const names[] = { "TERM=", "LANG=", "LC_", "SSH_CONNECTION=", "SSH_CLIENT=", "SSH_ORIGINAL_COMMAND=",
    "SSH_AUTH_SOCK=" };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strncmp(entry, names[i], strlen(names[i])) == 0) return 1;
  return 0;
}

/*
 * Runs inside: root's own shell, as a login shell where no command was given. What sshd asks for as its subsystem is the
 * node's sftp-server where the image has none (daemon/access/door/sftp.ts). A command of other bytes than text is unpacked first (json.h).
 * The list of accounts may be any file of the guest's, of any length: a second of processor time is for it.
 */
static const char BEGIN[] =
  "[ $# = 2 ] && { c=$(printf '%b.' \"$1\"); set -- \"${c%.}\"; unset c; };"
  "f=/usr/lib/openssh/sftp-server p=/run/sliverd/sftp; [ \"$1\" = $f ] && ! [ -x $f ] && [ -x $p/loader ] &&"
  " set -- \"exec $p/loader --library-path $p $p/sftp-server\"; unset f p;"
  "{ shell=$(ulimit -t 1; while IFS=: read -r _ _ id _ _ _ s; do [ \"$id\" = 0 ] && [ -x \"$s\" ] && echo \"$s\" && break; done"
  " < /etc/passwd); } 2> /dev/null; export SHELL=\"${shell:=/bin/sh}\" USER=root LOGNAME=root; cd 2> /dev/null;"
  " if [ $# = 0 ]; then [ -t 1 ] && [ -r /etc/motd ] && ! [ -e .hushlogin ] && cat /etc/motd; exec \"$shell\" -l; else exec \"$shell\" -c \"$1\"; fi";

/* The OCI process: what the daemon left of the container's own (steps.ts), which ends within `env`, and ours. */
static int process_file(const char *template, const char *command, const struct winsize *size)
{
  int fd = memfd_create("process", 0);
  FILE *to = fd < 0 ? NULL : fdopen(dup(fd), "w");
  if (!to) fail("no memory");
  fputs(template, to);
  for (char **entry = environ; *entry; entry++)
    if (passes(*entry) && is_text(*entry)) fputc(',', to), json(to, *entry);
  fputs("],\"args\":[\"/bin/sh\",\"-c\",", to);
  json(to, BEGIN);
  fputs(",\"sh\"", to);
  if (command) fputc(',', to), json(to, command);
  if (command && !is_text(command)) fputs(",\"bytes\"", to);
  fprintf(to, "],\"cwd\":\"/\",\"terminal\":%s", size ? "true" : "false");
  if (size) fprintf(to, ",\"consoleSize\":{\"height\":%u,\"width\":%u}", size->ws_row, size->ws_col);
  fputs("}", to);
  if (fclose(to) != 0) fail("no memory");
  return fd;
}

/*
 * Why the daemon ends a session (daemon/access/sessions/ending.ts): signals that no client's request can be. The program
 * inside is let go of as by any disconnect.
 */
static int terminal;
static void farewell(int signal)
{
  const char *text = signal == SIGRTMIN + 1 ? "sliverd: your key was removed or revoked" : "sliverd: the node's owner ended this session";
  const char *end = terminal ? "\r\n" : "\n";
  pass_no_more();
  if ((!terminal || write(2, end, strlen(end)) > 0) && write(2, text, strlen(text)) > 0 && write(2, end, strlen(end)) > 0) _exit(255);
  _exit(255);
}

/* All that a guest can have a hand in is done without rights; who has none any more may be told of the end. */
static void lose_rights(uid_t caller)
{
  if (setresgid(caller, caller, caller) < 0 || setresuid(caller, caller, caller) < 0) fail("rights are not to be lost");
  for (int i = 1; i <= 2; i++) signal(SIGRTMIN + i, farewell);
}

/* The program that crun began, as ours to wait for; whatever kept crun from that, it has told. */
static pid_t begun(pid_t crun, const char *file)
{
  int status = status_of(crun);
  pid_t program = pid_in(file);
  unlink(file);
  if (WIFSIGNALED(status) || WEXITSTATUS(status)) exit(WIFSIGNALED(status) ? 255 : WEXITSTATUS(status));
  if (program <= 1) fail("the program did not begin");
  return program;
}

/* So that sshd tells the client of the signal. */
static void die_of(int number)
{
  sigset_t one;
  signal(number, SIG_DFL);
  sigemptyset(&one);
  sigaddset(&one, number);
  sigprocmask(SIG_UNBLOCK, &one, NULL);
  kill(getpid(), number);
}

int main(int argc, char **argv)
{
  static char template[1 << 20];
  char folder[PATH_MAX], run[256], cgroup[256], path[600], root[300], console[600], pid[600], process[32], name[16];
  struct winsize size;
  uid_t caller = getuid();
  unsigned id = sliver_of(caller);
  if (geteuid() != 0) fail("the login shell of slices must be set-uid root");
  if (!id) fail("only a slice's account logs in by this");
  close_range(3, ~0u, 0);
  umask(022);
  settings(folder, run, cgroup);
  const char *command = argc == 3 && strcmp(argv[1], "-c") == 0 ? argv[2] : NULL;
  if (argc != 1 && !command) fail("usage: enter [-c COMMAND]");

  const char *refused = getenv("SLIVERD_REFUSED");
  if (refused) fail("%s", refused);
  if (frozen(cgroup, id)) fail("the sliver is frozen");
  snprintf(path, sizeof path, "%s/slivers/%u/login.json", run, id);
  if (slurp(path, template, sizeof template) < 0) fail("the sliver is not running");

  if (command && strcmp(command, MANAGER) == 0) {
    int manager = manager_connect(run, id);
    if (manager < 0) return manager_away();
    lose_rights(caller);
    manager_relay(manager);
    return 0;
  }
  agent_begin(run, cgroup, id, caller);
  terminal = isatty(0) && ioctl(0, TIOCGWINSZ, &size) == 0;
  if (terminal && !command) greet(folder, run, id);
  int fd = process_file(template, command, terminal ? &size : NULL);
  snprintf(process, sizeof process, "/proc/self/fd/%d", fd);
  snprintf(root, sizeof root, "%s/crun", run);
  snprintf(name, sizeof name, "s%u", id);
  static char *clean[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", NULL };
  environ = clean;
  if (setresgid(0, 0, 0) < 0) fail("root is not to be had");
  int listener = -1;
  if (terminal) {
    snprintf(console, sizeof console, "%s/slivers/%u/login-%d.sock", run, id, getpid());
    listener = console_listen(console);
    if (listener < 0) fail("the sliver is not running");
  }
  snprintf(pid, sizeof pid, "%s/slivers/%u/login-%d.pid", run, id, getpid());
  /* crun leaves the program to us, who are told of what it died. */
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) fail("the program could not be followed");
  sigset_t held;
  hold_signals(&held);
  pid_t crun = fork();
  if (crun < 0) {
    if (terminal) unlink(console);
    fail("the slice's sessions have as many processes as they may: end one first");
  }
  if (crun == 0) {
    hear_none(&held);
    /* We stay who called: sshd, as that one, is to reach us with the client's signals. */
    if (setresuid(0, 0, 0) < 0) fail("root is not to be had");
    /* Until the terminal is handed over; later the program is hung up by it. */
    if (terminal) prctl(PR_SET_PDEATHSIG, SIGKILL), close(listener);
    const char *words[] = { "crun", "--root", root, "--cgroup-manager=cgroupfs", "exec", "--detach", "--pid-file", pid, "--process",
      process, name, NULL, NULL, NULL };
    if (terminal) words[10] = "--console-socket", words[11] = console, words[12] = name;
    execvp("crun", (char **)words);
    fail("crun is not installed: apt-get install crun");
  }
  close(fd);
  int master = terminal ? console_take(listener, crun) : -1;
  if (terminal) unlink(console), close(listener);
  pid_t program = begun(crun, pid);
  if (pass_signals(program, terminal) < 0) fail("no pipe");
  lose_rights(caller);
  sigprocmask(SIG_UNBLOCK, &held, NULL);
  int status;
  if (terminal) status = relay(master, program);
  else {
    /* The program's alone, or whoever waits for their end waits for us. */
    for (int i = 0; i < 2; i++) close(i);
    status = status_of(program);
  }
  if (access(path, F_OK) < 0) fputs("sliverd: the sliver was stopped\n", stderr);
  else if (WIFSIGNALED(status)) die_of(WTERMSIG(status));
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
