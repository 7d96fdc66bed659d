#include "claims.h"

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

char LICENSE[] SEC("license") = "GPL";
