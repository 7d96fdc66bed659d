/* A socket's claim of a slot: what it holds is noted with it, and who was denied is told. */
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
