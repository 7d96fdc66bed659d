/* Binds: a socket that names a port of the shared address claims it for its sliver, or is told EADDRINUSE. */
#pragma once
#include "claims.h"

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

/* Twice tcp_fin_timeout and TIME_WAIT, of 60 s each: who turns those up may meet such a port. */
#define LINGERS 120

/* The kernel goes on with the connection of a socket that is closed first. */
static __always_inline void note_lingering(struct bpf_sock *ctx)
{
	__u32 state = ctx->state, port = port_of(ctx);
	if (ctx->protocol != IPPROTO_TCP || state == BPF_TCP_CLOSE || state == BPF_TCP_LISTEN || state == BPF_TCP_SYN_SENT)
		return;
	struct home *home = home_of(ctx);
	struct lingering *l = home ? bpf_map_lookup_elem(&lingerings, &port) : 0;
	if (!l)
		return;
	l->id = home->id;
	l->until = seconds() + LINGERS;
}

SEC("cgroup/sock_release") int release(struct bpf_sock *ctx)
{
	struct holding *h = bpf_sk_storage_get(&holdings, ctx, 0, 0);
	if (h)
		let_go(h);
	note_lingering(ctx);
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
