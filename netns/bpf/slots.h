/* Taking and giving back a slot. Everything that decides who owns a port is in this file and in command.h. */
#pragma once
#include "maps.h"

/* A lost exchange means that another processor got further with this very slot; so many in a row don't happen. */
#define TRIES 64

static __always_inline __u64 state_of(struct slot *slot)
{
	return *(volatile __u64 *)&slot->state;
}

static __always_inline int exchange(struct slot *slot, __u64 old, __u64 new)
{
	return __sync_val_compare_and_swap(&slot->state, old, new) == old;
}

static __always_inline __u64 next(__u64 state)
{
	return state + SEQ;
}

/* What is left when nobody owns a slot any more. */
static __always_inline __u64 without_owner(__u64 state)
{
	return state & OWNED ? state : state & ~(ID_MASK | OWNED);
}

/* One more socket of sliver `id`. Returns 0 and the epoch, or an error and the owner. */
static __always_inline int take(struct slot *slot, __u32 id, __u16 *epoch, __u32 *owner)
{
	for (int i = 0; i < TRIES; i++) {
		__u64 old = state_of(slot);
		*owner = old & ID_MASK;
		if ((old & OWNED) && ((old & NODE) || *owner != id))
			return -EADDRINUSE;
		if ((old & REFS_MASK) == REFS_MASK)
			return -EADDRINUSE;
		*epoch = old / EPOCH;
		if (exchange(slot, old, next(((old & ~ID_MASK) | id) + REF))) {
			if (!(old & OWNED))
				slot->since = bpf_ktime_get_ns();
			return 0;
		}
	}
	return -EAGAIN;
}

/* One socket less; one of an older epoch had lost it before. */
static __always_inline void give_back(__u32 index, __u16 epoch)
{
	struct slot *slot = slot_at(index);
	if (!slot)
		return;
	for (int i = 0; i < TRIES; i++) {
		__u64 old = state_of(slot);
		if ((__u16)(old / EPOCH) != epoch || !(old & REFS_MASK))
			return;
		if (exchange(slot, old, next(without_owner(old - REF))))
			return;
	}
}
