#pragma once
#include "slots.h"

/* The daemon's own changes come as commands, so that they obey the same rules under the same exchanges. */
enum operation { RESERVE = 1, RELEASE = 2, REVOKE = 3, NODE_TAKE = 4, NODE_RELEASE = 5, EVICT = 6, SETTLE = 7 };
struct command {
	__u32 operation, slot;
	__u32 id; /* RESERVE, RELEASE, EVICT: the sliver; REVOKE: whom to reserve it for, or 0 */
	__s32 result; /* 0, -EADDRINUSE (owner tells whose), -EAGAIN */
	__u64 expected; /* SETTLE: only if this is still the state */
	__u32 owner;
};

/* The state that a command leads to; `old` itself when there is nothing to do. */
static __always_inline __u64 wanted(struct command *c, __u64 old)
{
	__u64 id = c->id & ID_MASK, owner = old & ID_MASK;
	int others = (old & OWNED) && ((old & NODE) || owner != id);
	c->result = 0;
	c->owner = owner;
	switch (c->operation) {
	case RESERVE:
		if (!others)
			return (old & ~ID_MASK) | id | RESERVED;
		break;
	case RELEASE:
		if (!others)
			return without_owner(old & ~RESERVED);
		break;
	case REVOKE: /* of whom ever but the node */
		if (!(old & NODE))
			return ((old & ~(ID_MASK | OWNED)) + ((old & EPOCH_MASK) == EPOCH_MASK ? -EPOCH_MASK : EPOCH)) |
			       (id ? id | RESERVED : 0);
		break;
	case NODE_TAKE: /* what a sliver has is not taken silently: revoke it first */
		if (!(old & OWNED) || (old & NODE))
			return (old & ~ID_MASK) | NODE;
		break;
	case NODE_RELEASE:
		return old & NODE ? without_owner(old & ~NODE) : old;
	case SETTLE: /* nobody is behind it; were somebody all the same, the epoch says that it holds nothing any more */
		others = old != c->expected; /* falls through */
	case EVICT: /* sockets only; what is reserved stays so */
		if (others || !(old & REFS_MASK))
			return old;
		old &= ~REFS_MASK;
		return without_owner((old & EPOCH_MASK) == EPOCH_MASK ? old & ~EPOCH_MASK : old + EPOCH);
	}
	c->result = -EADDRINUSE;
	return old;
}

SEC("syscall") int command(struct command *c)
{
	struct slot *slot = slot_at(c->slot);
	if (!slot)
		return 1;
	for (int i = 0; i < TRIES; i++) {
		__u64 old = state_of(slot), new = wanted(c, old);
		if (new == old)
			return 0;
		if (exchange(slot, old, next(new))) {
			if (!(old & OWNED) || ((old ^ new) & ID_MASK))
				slot->since = bpf_ktime_get_ns();
			return 0;
		}
	}
	c->result = -EAGAIN;
	return 0;
}
