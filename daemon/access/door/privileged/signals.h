/*
 * A client's signals, for the program. It may have become any user of the sliver's, and by the time one comes we are nobody who
 * could signal that: so each rings a pipe that root told to tell it (F_SETOWN; the kernel asks who set it). It rings by
 * itself when we are killed, for its ends close one after the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static int bell[2] = { -1, -1 };
static const int passed[] = { SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGHUP };

/* Until the program is known: it may have said its first word, and be sent one for that, before. */
static void hold_signals(sigset_t *held)
{
  sigemptyset(held);
  for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) sigaddset(held, passed[i]);
  for (int i = 1; i <= 2; i++) sigaddset(held, SIGRTMIN + i); /* farewell */
  sigprocmask(SIG_BLOCK, held, NULL);
}

/* In who begins the program, which is none of the client's to signal: half begun, it would be waited for without end. */
static void hear_none(const sigset_t *held)
{
  static const struct timespec now;
  setpgid(0, 0);
  while (sigtimedwait(held, NULL, &now) > 0) {}
  sigprocmask(SIG_UNBLOCK, held, NULL);
}

static void pass_on(int signal)
{
  int before = errno;
  if (fcntl(bell[0], F_SETSIG, signal) == 0 && write(bell[1], "", 1) < 0) {}
  errno = before;
}

/* Who ends now leaves the program to itself. */
static void pass_no_more(void)
{
  fcntl(bell[0], F_SETFL, O_NONBLOCK);
}

/* As root. Of a terminal, SIGHUP is its end: it ends us, and the program is hung up. */
static int pass_signals(pid_t program, int terminal)
{
  struct sigaction how = { .sa_handler = pass_on, .sa_flags = SA_RESTART };
  if (pipe2(bell, O_CLOEXEC | O_NONBLOCK) < 0 || fcntl(bell[0], F_SETOWN, program) < 0) return -1;
  /* Not the SIGIO that is the default, of which a shell would die before it hung up what it has in the background. */
  if (fcntl(bell[0], F_SETSIG, terminal ? SIGHUP : SIGTERM) < 0) return -1;
  if (fcntl(bell[0], F_SETFL, O_ASYNC | O_NONBLOCK) < 0) return -1;
  for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
    if (!terminal || passed[i] != SIGHUP) sigaction(passed[i], &how, NULL);
  return 0;
}
