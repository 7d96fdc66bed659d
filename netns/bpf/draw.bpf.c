#include "claims.h"

/* A bind to port 0 gets a port that no other sliver has; the kernel knows only those of its own network namespace.
 * What it draws is free in the ledger and, as far as that can be asked, of sockets that need no claim: on loopback, of
 * connections that linger, and of those that were never bound. For them the kernel takes every other port, from the first
 * of its range; those between are for binds, as long as there are some. */
#define DRAWS 48
#define DRAWS_BETWEEN 32
#define STRIDE 7919 /* prime: from a random start it comes to every port of a range that is not a multiple of it */

static __always_inline int lingers(struct bpf_sock_addr *ctx, struct home *home, __u32 port)
{
	struct lingering *l = ctx->protocol == IPPROTO_TCP ? bpf_map_lookup_elem(&lingerings, &port) : 0;
	return l && l->id == home->id && l->until > seconds();
}

static __always_inline int is_free(struct bpf_sock_addr *ctx, struct home *home, __u32 port)
{
	if (lingers(ctx, home, port))
		return 0;
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
	struct home *home = home_of(ctx);
	if (!s || !ctx->sk || !home || s->ephemeral_high <= s->ephemeral_low || has_its_own_way(ctx->sk))
		return 1;
	__u32 low = s->ephemeral_low, pairs = ((__u32)s->ephemeral_high - low + 1) / 2;
	__u32 start = bpf_get_prandom_u32() % pairs;
	for (int i = 0; i < DRAWS; i++) {
		__u32 port = low + 2 * ((start + i * STRIDE) % pairs) + (i < DRAWS_BETWEEN);
		if (is_free(ctx, home, port)) {
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

char LICENSE[] SEC("license") = "GPL";
