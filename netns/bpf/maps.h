/* What the programs share: the one place for the layout of their maps, which netns/ports/layout.ts mirrors. Maps with
 * claims in them outlive the daemon and its upgrades, so that a map's layout never changes: a new one has a new name. */
#pragma once
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/types.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define EADDRINUSE 98
#define EAGAIN 11
#define ENOBUFS 105

/* A slot for every TCP port, every UDP port and every IP protocol. An array: nothing is allocated or freed on a bind,
 * so that nothing can leak or be lost between two processors. */
#define SLOT_TCP 0
#define SLOT_UDP 65536
#define SLOT_PROTOCOL 131072
#define SLOTS (SLOT_PROTOCOL + 256)

/* `state` changes only as a whole, by compare-and-exchange:
 *   bits  0-11  id     the owner, 0 is the node itself (or nobody, when nothing else is set)
 *   bit     12  RESERVED for the owner, with or without a socket
 *   bit     13  NODE   the node's own
 *   bits 16-31  refs   sockets that hold it
 *   bits 32-47  epoch  goes up when claims are taken away by force: sockets of an older epoch hold nothing
 *   bits 48-63  seq    goes up with every change, so that a reader knows that nothing happened meanwhile */
struct slot {
	__u64 state;
	__u64 since; /* bpf_ktime_get_ns (CLOCK_MONOTONIC) when the owner came */
};
#define ID_MASK 0xfffull
#define RESERVED (1ull << 12)
#define NODE (1ull << 13)
#define REF (1ull << 16)
#define REFS_MASK (0xffffull << 16)
#define EPOCH (1ull << 32)
#define EPOCH_MASK (0xffffull << 32)
#define SEQ (1ull << 48)
#define OWNED (RESERVED | NODE | REFS_MASK)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, struct slot);
} ports SEC(".maps");

/* What a socket holds. */
struct holding {
	__u32 slot;
	__u16 epoch;
	__u16 live;
};
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct holding);
} holdings SEC(".maps");

/* The same for MPTCP, by the address of the socket that the program has (kernel.h). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct holding);
} mptcp_holdings SEC(".maps");

/* A sliver, by the cookie of its network namespace (docs/decisions/0019-port-arbitration.md says why not by its
 * cgroup): sockets of namespaces that aren't in here are none of our business. */
struct home {
	__u32 id;
	__u32 unused;
	__u64 denied;  /* binds denied so far */
	__u64 told_at; /* when the last of them was told */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct home);
} homes SEC(".maps");

/* By TCP port, whose connection was closed there last, and until when the kernel may remember it (TIME_WAIT): to bind that
 * port is to be refused, though nobody has it. */
struct lingering {
	__u32 id;
	__u32 until; /* bpf_ktime_get_ns, in seconds */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct lingering);
} lingerings SEC(".maps");

/* Changed at run time. Addresses in network order, ports in host order. */
struct settings {
	__u32 public4; /* the shared address, 0 when there is none */
	__u32 node4;   /* where a sliver reaches the node's own ports, 0: not at all */
	__u16 ephemeral_low, ephemeral_high;
	__u16 remap_low, remap_high; /* source ports of flows whose own port is another's: nobody listens there */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

/* A bind that was denied: who asked, who owns. */
struct denial {
	__u64 at; /* CLOCK_MONOTONIC, ns */
	__u64 denied; /* of this sliver so far: what was not told shows as a gap */
	__u32 id, owner; /* owner 0: the node */
	__u32 slot;
	__u32 pid;
	char comm[16];
};
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} denials SEC(".maps");

static __always_inline struct settings *config(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&settings, &zero);
}

static __always_inline struct home *home_of(void *ctx)
{
	__u64 cookie = bpf_get_netns_cookie(ctx);
	return bpf_map_lookup_elem(&homes, &cookie);
}

static __always_inline __u32 seconds(void)
{
	return bpf_ktime_get_ns() / 1000000000ull;
}

static __always_inline struct slot *slot_at(__u32 index)
{
	return bpf_map_lookup_elem(&ports, &index);
}

/* Internal addresses: 100.64.0.0/10, the sliver's id in the low bits. */
#define MAPPED bpf_htonl(0xffff) /* the third word of ::ffff:a.b.c.d */
#define INTERNAL_NET 0x64400000u
static __always_inline int is_internal(__u32 ip4)
{
	return (bpf_ntohl(ip4) & 0xffc00000u) == INTERNAL_NET;
}

/* Whether a local address stands for the node's shared one: the wildcard does, and the address itself. */
static __always_inline int is_shared(__u32 ip4)
{
	struct settings *s = config();
	return ip4 == 0 || (s && ip4 == s->public4);
}

static __always_inline __u32 slot_of(__u32 protocol, __u32 port)
{
	return (protocol == IPPROTO_UDP ? SLOT_UDP : SLOT_TCP) + (port & 0xffff);
}

static __always_inline int in_remap(__u32 port)
{
	struct settings *s = config();
	return s && s->remap_low && port >= s->remap_low && port <= s->remap_high;
}
