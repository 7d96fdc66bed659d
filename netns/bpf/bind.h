/* Binds: a socket that names a port of the shared address claims it for its sliver, or is told EADDRINUSE. */
#pragma once
#include "slots.h"

/* Of the kernel's own structures only what is read, found by BTF wherever this kernel has it. */
struct sock_common {
	unsigned char skc_ipv6only : 1;
} __attribute__((preserve_access_index));
struct sock {
	struct sock_common __sk_common;
} __attribute__((preserve_access_index));

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

static __always_inline int hold(struct holding *h, struct home *home, __u32 index, __u32 *owner)
{
	struct slot *slot = slot_at(index);
	__u16 epoch = 0;
	if (!slot)
		return -EAGAIN;
	if (h->live && h->slot == index && h->epoch == (__u16)(state_of(slot) / EPOCH))
		return 0;
	let_go(h);
	int error = take(slot, home->id, &epoch, owner);
	if (error)
		return error;
	h->slot = index;
	h->epoch = epoch;
	h->live = 1;
	return 0;
}

/* @return 1 to allow the bind, 0 to deny it */
static __always_inline int claim(struct bpf_sock *ctx, struct home *home, int shared)
{
	__u32 protocol = ctx->protocol, owner = 0;
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return 1;
	struct holding *h = bpf_sk_storage_get(&holdings, ctx, 0, shared ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	if (!shared) {
		if (h)
			let_go(h);
		return 1;
	}
	__u32 index = slot_of(protocol, ctx->src_port);
	int error = !h ? -EAGAIN : in_remap(ctx->src_port) ? -EADDRINUSE : hold(h, home, index, &owner);
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
		struct sock *sk = (struct sock *)ctx;
		if (a2 == bpf_htonl(0xffff))
			shared = is_shared(a3);
		else if (!(a2 | a3))
			shared = !BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only);
	}
	return claim(ctx, home, shared);
}

SEC("cgroup/sock_release") int release(struct bpf_sock *ctx)
{
	struct holding *h = bpf_sk_storage_get(&holdings, ctx, 0, 0);
	if (h)
		let_go(h);
	return 1;
}

/* Sockets that hold something, for the daemon to compare with the slots. */
struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
} __attribute__((preserve_access_index));
struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

SEC("iter/bpf_sk_storage_map") int holders(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct holding *h = ctx->value;
	if (ctx->sk && h && h->live)
		bpf_seq_write(ctx->meta->seq, h, sizeof(*h));
	return 0;
}
