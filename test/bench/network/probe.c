/* What the network is measured with: small enough that its own cost doesn't drown a few microseconds.
 *
 *   probe serve PORT                 echoes, swallows or sends, as the first byte of a connection asks
 *   probe exchange ADDRESS PORT N    one byte there and back, N times: the median
 *   probe connect ADDRESS PORT MS    connections, a byte there and back on each, for so long: how many a second
 *   probe fetch|store ADDRESS PORT MS  as much as goes through one connection: bytes a second
 *   probe accept WORLD ADDRESS PORT N  from listen() returning here to accept() returning of a connection that the network
 *                                    namespace WORLD begins at once, on N ports: the median, and how many were refused
 *   probe bind PORT N                a socket, a bind, a close, on N ports: the median
 *   probe hold N                     N processes, each in a network namespace of its own, until its input ends
 *
 * Times are in nanoseconds. Where time counts, both ends run on one processor: what is told is what the way costs, and not how
 * long an idle processor takes to wake. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { ECHO = 'e', SWALLOW = 's', SEND = 'b' };
static char chunk[256 << 10];
static cpu_set_t all;

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* The last processor that this program may use. */
static void on_one_processor(void)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, &one);
			break;
		}
	sched_setaffinity(0, sizeof(one), &one);
}

static struct sockaddr_in address_of(const char *address, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		errx(1, "%s is no address", address);
	return a;
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

static int try_connect(struct sockaddr_in a)
{
	int fd = new_socket();
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int connected(struct sockaddr_in a, char mode)
{
	int fd = try_connect(a);
	if (fd < 0)
		err(1, "connect");
	if (write(fd, &mode, 1) != 1)
		err(1, "write");
	return fd;
}

/* Without TIME_WAIT: there are but 28,000 ports, and each is soon needed again. */
static void finish(int fd)
{
	struct linger at_once = { .l_onoff = 1 };
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void get(int fd)
{
	char byte;
	if (read(fd, &byte, 1) != 1)
		errx(1, "the connection ended");
}

static int smaller(const void *a, const void *b)
{
	long long x = *(long long *)a, y = *(long long *)b;
	return x < y ? -1 : x > y;
}

static long long median(long long *times, int count)
{
	if (count == 0)
		return -1;
	qsort(times, count, sizeof(*times), smaller);
	return times[count / 2];
}

static void serve(int port)
{
	int listener = new_socket(), yes = 1;
	struct sockaddr_in any = address_of("0.0.0.0", port);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, 128))
		err(1, "port %d", port);
	puts("ready");
	fflush(stdout);
	on_one_processor();
	for (;;) {
		char byte;
		int fd = accept(listener, 0, 0);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		if (read(fd, &byte, 1) != 1) {
			/* it ended */
		} else if (byte == ECHO) {
			while (write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1)
				;
		} else {
			sched_setaffinity(0, sizeof(all), &all);
			while ((byte == SEND ? write(fd, chunk, sizeof(chunk)) : read(fd, chunk, sizeof(chunk))) > 0)
				;
			on_one_processor();
		}
		close(fd);
	}
}

static void exchange(struct sockaddr_in to, int count)
{
	long long *times = calloc(count, sizeof(*times));
	on_one_processor();
	int fd = connected(to, ECHO);
	get(fd);
	for (int i = -count / 10; i < count; i++) { /* the first tenth only warms up */
		long long began = now();
		if (write(fd, "x", 1) != 1)
			err(1, "write");
		get(fd);
		if (i >= 0)
			times[i] = now() - began;
	}
	finish(fd);
	printf("%lld\n", median(times, count));
}

static void connections(struct sockaddr_in to, int ms)
{
	on_one_processor();
	long long began = now(), end = began + ms * 1000000ll, count = 0;
	for (; now() < end; count++) {
		int fd = connected(to, ECHO);
		get(fd);
		finish(fd);
	}
	printf("%.0f\n", count * 1e9 / (now() - began));
}

static void transfer(struct sockaddr_in with, int ms, int fetch)
{
	int fd = connected(with, fetch ? SEND : SWALLOW);
	long long bytes = 0, began = now(), end = began + ms * 1000000ll;
	while (now() < end) {
		ssize_t done = fetch ? read(fd, chunk, sizeof(chunk)) : write(fd, chunk, sizeof(chunk));
		if (done <= 0)
			err(1, "transfer");
		bytes += done;
	}
	printf("%.0f\n", bytes * 1e9 / (now() - began));
	finish(fd);
}

static void accepted(const char *world, const char *address, int first, int count)
{
	int there = open(world, O_RDONLY), here = open("/proc/self/ns/net", O_RDONLY), times_count = 0;
	long long *times = calloc(count, sizeof(*times));
	on_one_processor();
	for (int port = first; port < first + count; port++) {
		int listener = new_socket();
		struct sockaddr_in any = address_of("0.0.0.0", port), to = address_of(address, port);
		if (setns(there, CLONE_NEWNET))
			err(1, "%s", world);
		int client = new_socket(); /* belongs there, wherever it is used from */
		if (setns(here, CLONE_NEWNET))
			err(1, "setns");
		if (bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, 8))
			err(1, "port %d", port);
		long long began = now();
		if (connect(client, (struct sockaddr *)&to, sizeof(to)) == 0) {
			int fd = accept(listener, 0, 0);
			times[times_count++] = now() - began;
			finish(fd);
		}
		finish(client);
		close(listener);
	}
	printf("%lld %d\n", median(times, times_count), count - times_count);
}

static void binds(int first, int count)
{
	long long *times = calloc(count, sizeof(*times));
	on_one_processor();
	for (int i = 0; i < count; i++) {
		struct sockaddr_in any = address_of("0.0.0.0", first + i);
		long long began = now();
		int fd = new_socket();
		if (bind(fd, (struct sockaddr *)&any, sizeof(any)))
			err(1, "port %d", first + i);
		close(fd);
		times[i] = now() - began;
	}
	printf("%lld\n", median(times, count));
}

/* Datagrams, each of a flow of its own, so many a second: to 50,000 ports of each address from that one on. */
static void scatter(struct sockaddr_in to, int count, int rate)
{
	unsigned first = ntohl(to.sin_addr.s_addr);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), sent = 0;
	long long began = now();
	for (int i = 0; i < count; i++) {
		to.sin_addr.s_addr = htonl(first + i / 50000);
		to.sin_port = htons(1000 + i % 50000);
		if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1)
			sent++;
		while (i % 100 == 99 && (now() - began) / 1e9 * rate < i)
			usleep(1000);
	}
	printf("%d %lld\n", sent, now() - began);
}

static void hold(int count)
{
	int ready[2];
	char byte;
	if (pipe(ready))
		err(1, "pipe");
	for (int i = 0; i < count; i++) {
		pid_t child = fork();
		if (child < 0)
			err(1, "fork");
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (unshare(CLONE_NEWNET))
				err(1, "a network namespace");
			if (write(ready[1], "r", 1) == 1)
				pause();
			_exit(1);
		}
		get(ready[0]);
		printf("%d\n", child);
	}
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	int n[6] = {};
	for (int i = 2; i < argc && i < 6; i++)
		n[i] = atoi(argv[i]);
	signal(SIGPIPE, SIG_IGN);
	sched_getaffinity(0, sizeof(all), &all);
	if (argc == 3 && !strcmp(verb, "serve"))
		serve(n[2]);
	else if (argc == 5 && !strcmp(verb, "exchange"))
		exchange(address_of(argv[2], n[3]), n[4]);
	else if (argc == 5 && !strcmp(verb, "connect"))
		connections(address_of(argv[2], n[3]), n[4]);
	else if (argc == 5 && (!strcmp(verb, "fetch") || !strcmp(verb, "store")))
		transfer(address_of(argv[2], n[3]), n[4], *verb == 'f');
	else if (argc == 6 && !strcmp(verb, "accept"))
		accepted(argv[2], argv[3], n[4], n[5]);
	else if (argc == 4 && !strcmp(verb, "bind"))
		binds(n[2], n[3]);
	else if (argc == 5 && !strcmp(verb, "scatter"))
		scatter(address_of(argv[2], 0), n[3], n[4]);
	else if (argc == 3 && !strcmp(verb, "hold"))
		hold(n[2]);
	else
		errx(2, "see the beginning of probe.c");
}
