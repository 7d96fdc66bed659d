/* Binds: a socket that names a port of the shared address claims it for its sliver, or is told EADDRINUSE. */
#pragma once
#include "kernel.h"
#include "slots.h"

/* One denial in 10 ms and sliver is told, so that one that tries in a loop can't hide the others'. */
#define TELL_EVERY 10000000ull

static __always_inline void tell(struct home *home, __u32 owner, __u32 slot)
{
	__u64 now = bpf_ktime_get_ns(), denied = __sync_fetch_and_add(&home->denied, 1) + 1;
	if (now - home->told_at < TELL_EVERY)
		return;
	struct denial *d = bpf_ringbuf_reserve(&denials, sizeof(*d), 0);
	if (!d)
		return; /* nobody reads; the next that is told shows how many were not */
	home->told_at = now;
	d->at = now;
	d->denied = denied;
	d->id = home->id;
	d->owner = owner;
	d->slot = slot;
	d->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(d->comm, sizeof(d->comm));
	bpf_ringbuf_submit(d, 0);
}

/* What the socket held until now, by an earlier bind that another program refused, or by a port it gave up since. */
static __always_inline void let_go(struct holding *h)
{
	if (h->live)
		give_back(h->slot, h->epoch);
	h->live = 0;
}

/* Noted before it is taken, and taken back before it is struck out: whoever counts the sockets meanwhile may find one
 * too many, and never one too few. */
static __always_inline int hold(struct holding *h, struct home *home, __u32 index, __u32 *owner)
{
	struct slot *slot = slot_at(index);
	if (!slot)
		return -EAGAIN;
	if (h->live && h->slot == index && h->epoch == (__u16)(state_of(slot) / EPOCH))
		return 0;
	let_go(h);
	h->slot = index;
	h->live = 1;
	int error = take(slot, home->id, &h->epoch, owner);
	if (error)
		h->live = 0;
	return error;
}

/* Where it is noted what a socket holds: with the socket, or for MPTCP by the address of the one that is closed. */
static __always_inline struct holding *holding_of(struct bpf_sock *ctx, int create)
{
	__u64 mptcp = mptcp_of(ctx);
	if (!mptcp)
		return bpf_sk_storage_get(&holdings, ctx, 0, create ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	struct holding *h = bpf_map_lookup_elem(&mptcp_holdings, &mptcp);
	if (h || !create)
		return h;
	struct holding none = {};
	bpf_map_update_elem(&mptcp_holdings, &mptcp, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&mptcp_holdings, &mptcp);
}

/* @return 1 to allow the bind, 0 to deny it */
static __always_inline int claim(struct bpf_sock *ctx, struct home *home, int shared)
{
	__u32 protocol = ctx->protocol, owner = 0;
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return 1;
	struct holding *h = holding_of(ctx, shared);
	if (!shared) {
		if (h)
			let_go(h);
		return 1;
	}
	__u32 index = slot_of(protocol, ctx->src_port);
	int error = !h ? -ENOBUFS : in_remap(ctx->src_port) ? -EADDRINUSE : hold(h, home, index, &owner);
	if (!error)
		return 1;
	if (error == -EADDRINUSE)
		tell(home, owner, index);
	bpf_set_retval(error);
	return 0;
}

SEC("cgroup/post_bind4") int post_bind4(struct bpf_sock *ctx)
{
	struct home *home = home_of(ctx);
	return home ? claim(ctx, home, is_shared(ctx->src_ip4)) : 1;
}

/* A socket on :: takes IPv4 too unless it says not to; one on ::ffff:a.b.c.d is an IPv4 socket. A sliver's own IPv6
 * addresses are nobody else's. */
SEC("cgroup/post_bind6") int post_bind6(struct bpf_sock *ctx)
{
	struct home *home = home_of(ctx);
	if (!home)
		return 1;
	__u32 a0 = ctx->src_ip6[0], a1 = ctx->src_ip6[1], a2 = ctx->src_ip6[2], a3 = ctx->src_ip6[3];
	int shared = 0;
	if (!(a0 | a1)) {
		if (a2 == MAPPED)
			shared = is_shared(a3);
		else if (!(a2 | a3))
			shared = !is_v6only(ctx);
	}
	return claim(ctx, home, shared);
}

SEC("cgroup/sock_release") int release(struct bpf_sock *ctx)
{
	struct holding *h = bpf_sk_storage_get(&holdings, ctx, 0, 0);
	if (h)
		let_go(h);
	if (ctx->protocol == IPPROTO_MPTCP_) {
		__u64 key = (__u64)ctx;
		h = bpf_map_lookup_elem(&mptcp_holdings, &key);
		if (h)
			let_go(h);
		bpf_map_delete_elem(&mptcp_holdings, &key);
	}
	return 1;
}

/* An MPTCP socket is noted from its beginning, so that `holders` knows which of them exist. */
SEC("cgroup/sock_create") int sock_create(struct bpf_sock *ctx)
{
	if (ctx->protocol == IPPROTO_MPTCP_ && home_of(ctx)) {
		__u64 key = (__u64)ctx;
		bpf_map_delete_elem(&mptcp_holdings, &key);
		bpf_sk_storage_get(&holdings, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);
	}
	return 1;
}

/* A bind to port 0 gets a port that no other sliver has; the kernel knows only those of its own network namespace.
 * What it draws is free in the ledger and, as far as that can be asked, of sockets on loopback, which need no claim. */
#define DRAWS 32
#define STRIDE 7919 /* prime: from a random start it comes to every port of a range that is not a multiple of it */

static __always_inline int is_free(struct bpf_sock_addr *ctx, __u32 port)
{
	struct slot *slot = slot_at(slot_of(ctx->protocol, port));
	if (!slot || (state_of(slot) & OWNED))
		return 0;
	struct bpf_sock_tuple local = {};
	local.ipv4.daddr = bpf_htonl(INADDR_LOOPBACK);
	local.ipv4.saddr = bpf_htonl(INADDR_LOOPBACK);
	local.ipv4.dport = bpf_htons(port);
	struct bpf_sock *taken =
		ctx->protocol == IPPROTO_UDP
			? bpf_sk_lookup_udp(ctx, &local, sizeof(local.ipv4), BPF_F_CURRENT_NETNS, 0)
			: bpf_sk_lookup_tcp(ctx, &local, sizeof(local.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!taken)
		return 1;
	bpf_sk_release(taken);
	return 0;
}

static __always_inline int draw(struct bpf_sock_addr *ctx)
{
	struct settings *s = config();
	if (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP)
		return 1;
	if (!s || !ctx->sk || !home_of(ctx) || s->ephemeral_high < s->ephemeral_low || has_its_own_way(ctx->sk))
		return 1;
	__u32 span = s->ephemeral_high - s->ephemeral_low + 1, low = s->ephemeral_low;
	__u32 start = bpf_get_prandom_u32() % span;
	for (int i = 0; i < DRAWS; i++) {
		__u32 port = low + (start + i * STRIDE) % span;
		if (is_free(ctx, port)) {
			ctx->user_port = bpf_htons(port);
			return 1;
		}
	}
	return 1; /* crowded: the kernel's own choice may still do */
}

SEC("cgroup/bind4") int bind4(struct bpf_sock_addr *ctx)
{
	return ctx->user_port == 0 && is_shared(ctx->user_ip4) ? draw(ctx) : 1;
}

SEC("cgroup/bind6") int bind6(struct bpf_sock_addr *ctx)
{
	__u32 a0 = ctx->user_ip6[0], a1 = ctx->user_ip6[1], a2 = ctx->user_ip6[2], a3 = ctx->user_ip6[3];
	if (ctx->user_port != 0 || (a0 | a1))
		return 1;
	return (a2 == MAPPED && is_shared(a3)) || !(a2 | a3) ? draw(ctx) : 1;
}

/* Sockets that hold something, for the daemon to compare with the slots: all that are in some process's file table, once
 * for each time. (An iterator over the sockets' storage would be exact, and some hardened kernels refuse it.) */
struct holder {
	__u64 socket;
	struct holding holding;
};
static __always_inline void show(struct seq_file *seq, __u64 socket, struct holding *h)
{
	if (!h || !h->live)
		return;
	struct holder holder = { .socket = socket, .holding = *h };
	bpf_seq_write(seq, &holder, sizeof(holder));
}

SEC("iter/task_file") int holders(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *socket = file ? bpf_sock_from_file(file) : 0;
	struct sock *sk = socket ? socket->sk : 0;
	if (!sk)
		return 0;
	__u64 key = (__u64)sk;
	show(ctx->meta->seq, key, bpf_sk_storage_get(&holdings, sk, 0, 0));
	show(ctx->meta->seq, key, bpf_map_lookup_elem(&mptcp_holdings, &key));
	return 0;
}
