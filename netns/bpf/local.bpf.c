/* Between slivers of one node, PUBLIC:port of another is reached at its internal address, and shown as PUBLIC:port. */
#include "claims.h"

/* Where a socket's packets to the shared address really go. */
struct peer {
	__u32 real;
	__u32 shown;
};
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct peer);
} peers SEC(".maps");

/* Whose port of the shared address that is: its internal address, or `ip4` itself where nothing is to be changed. */
static __always_inline __u32 real_address(struct bpf_sock_addr *ctx, struct home *home, __u32 ip4)
{
	struct settings *s = config();
	if (!s || !s->public4 || ip4 != s->public4)
		return ip4;
	if (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP)
		return ip4;
	struct slot *slot = slot_at(slot_of(ctx->protocol, bpf_ntohs((__u16)ctx->user_port)));
	__u64 state = slot ? state_of(slot) : 0;
	if (state & NODE)
		return s->node4 ? s->node4 : ip4;
	if (!(state & OWNED) || (state & ID_MASK) == home->id)
		return ip4;
	return bpf_htonl(INTERNAL_NET | (state & ID_MASK));
}

/* Notes where this socket's packets go from now on. */
static __always_inline __u32 go_to(struct bpf_sock_addr *ctx, struct home *home, __u32 ip4)
{
	__u32 real = real_address(ctx, home, ip4);
	if (!ctx->sk)
		return ip4;
	struct peer *p = bpf_sk_storage_get(&peers, ctx->sk, 0, real == ip4 ? 0 : BPF_SK_STORAGE_GET_F_CREATE);
	if (!p)
		return ip4;
	p->real = real == ip4 ? 0 : real;
	if (p->real)
		p->shown = ip4;
	return real;
}

/* What a program sees of an address that its socket got or is connected to. */
static __always_inline __u32 shown_address(struct bpf_sock_addr *ctx, __u32 ip4)
{
	if (!ctx->sk)
		return ip4;
	struct peer *p = bpf_sk_storage_get(&peers, ctx->sk, 0, 0);
	if (!p || !p->shown)
		return ip4;
	if (p->real == ip4)
		return p->shown;
	/* Another that it sent to before the last: its port is the sender's own. */
	if (!is_internal(ip4) || (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP))
		return ip4;
	struct slot *slot = slot_at(slot_of(ctx->protocol, bpf_ntohs((__u16)ctx->user_port)));
	__u64 state = slot ? state_of(slot) : 0;
	return (state & OWNED) && !(state & NODE) && (state & ID_MASK) == (bpf_ntohl(ip4) & ~0xffc00000u) ? p->shown : ip4;
}

static __always_inline int is_mapped(struct bpf_sock_addr *ctx)
{
	__u32 a0 = ctx->user_ip6[0], a1 = ctx->user_ip6[1], a2 = ctx->user_ip6[2];
	return !(a0 | a1) && a2 == MAPPED;
}

SEC("cgroup/connect4") int connect4(struct bpf_sock_addr *ctx)
{
	struct home *home = home_of(ctx);
	if (home)
		ctx->user_ip4 = go_to(ctx, home, ctx->user_ip4);
	return 1;
}

SEC("cgroup/connect6") int connect6(struct bpf_sock_addr *ctx)
{
	struct home *home = home_of(ctx);
	if (home && is_mapped(ctx))
		ctx->user_ip6[3] = go_to(ctx, home, ctx->user_ip6[3]);
	return 1;
}

/* A datagram socket that never was bound has a port by now, where anybody may answer: on one machine what comes to it
 * is received, so it claims its port. One that is another's it does not get, and then only replies come. */
static __always_inline void claim_softly(struct bpf_sock_addr *ctx, struct home *home)
{
	struct bpf_sock *sk = ctx->sk;
	__u32 owner;
	if (!sk || ctx->protocol != IPPROTO_UDP || (bpf_ntohl(ctx->user_ip4) >> 24) == 127)
		return;
	struct holding *h = bpf_sk_storage_get(&holdings, sk, 0, 0);
	if (h && h->live && (h->slot & 0xffff) == sk->src_port)
		return; /* also where it was taken away: a send does not get it back */
	if (!is_shared(sk->src_ip4) || sk->src_port == 0 || in_remap(sk->src_port))
		return;
	h = bpf_sk_storage_get(&holdings, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (h)
		hold(h, home, slot_of(IPPROTO_UDP, sk->src_port), &owner);
}

SEC("cgroup/sendmsg4") int sendmsg4(struct bpf_sock_addr *ctx)
{
	struct home *home = home_of(ctx);
	if (!home)
		return 1;
	claim_softly(ctx, home);
	ctx->user_ip4 = go_to(ctx, home, ctx->user_ip4);
	return 1;
}

SEC("cgroup/recvmsg4") int recvmsg4(struct bpf_sock_addr *ctx)
{
	ctx->user_ip4 = shown_address(ctx, ctx->user_ip4);
	return 1;
}

SEC("cgroup/recvmsg6") int recvmsg6(struct bpf_sock_addr *ctx)
{
	if (is_mapped(ctx))
		ctx->user_ip6[3] = shown_address(ctx, ctx->user_ip6[3]);
	return 1;
}

SEC("cgroup/getpeername4") int getpeername4(struct bpf_sock_addr *ctx)
{
	ctx->user_ip4 = shown_address(ctx, ctx->user_ip4);
	return 1;
}

SEC("cgroup/getpeername6") int getpeername6(struct bpf_sock_addr *ctx)
{
	if (is_mapped(ctx))
		ctx->user_ip6[3] = shown_address(ctx, ctx->user_ip6[3]);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
