/* Traffic between slivers and the world: how much is whose, and which class of the queues (netns/rates/) it waits in.
 * An array each, with a place for every sliver there can be: nothing is allocated for a packet. */
#pragma once
#include "maps.h"
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <stddef.h>

/* Bytes as on the link. What is before `base` belongs to an earlier life of the sliver, or to another with its id; only the
 * daemon writes that. */
struct traffic {
	__u64 up, down, exempt_up, exempt_down;
	__u64 base[4];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ID_MASK + 1);
	__type(key, __u32);
	__type(value, struct traffic);
} traffic SEC(".maps");

/* What the queues did to a sliver's packets each way, summed up over queues that come and go, and what of the counters of
 * its two classes is in the sums. No program looks at it: it is where the daemon keeps what has to live as long as they do. */
struct held {
	__u64 times, dropped, seen[4];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * (ID_MASK + 1));
	__type(key, __u32);
	__type(value, struct held);
} held SEC(".maps");

/* Minor numbers of classes; 0: it waits with the node's own. */
struct classes {
	__u16 up, exempt_up, down, exempt_down;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ID_MASK + 1);
	__type(key, __u32);
	__type(value, struct classes);
} classes SEC(".maps");

/* The owner's exempt destinations, of IPv4 as ::ffff:a.b.c.d. */
struct prefix {
	__u32 length;
	__u32 address[4];
};
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct prefix);
	__type(value, __u32);
} exempt SEC(".maps");

/* Whether there are any: most owners have none, and then no packet is asked. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} exemptions SEC(".maps");

/* As in netns/numbers.ts. */
#define SLIVER_MARK 0x10000
#define FOREIGN_MARK 0x20000
#define FROM_MARK 0x40000
#define UNCHECKED_MARK 0x80000
#define CLASSES 0x53560000u

static __always_inline int is_exempt(struct __sk_buff *skb, int destination)
{
	struct prefix p = { .length = 128 };
	__u32 zero = 0, *any = bpf_map_lookup_elem(&exemptions, &zero);
	int error;
	if (!any || !*any)
		return 0;
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		int at = destination ? offsetof(struct ipv6hdr, daddr) : offsetof(struct ipv6hdr, saddr);
		error = bpf_skb_load_bytes_relative(skb, at, p.address, 16, BPF_HDR_START_NET);
	} else {
		int at = destination ? offsetof(struct iphdr, daddr) : offsetof(struct iphdr, saddr);
		p.address[2] = MAPPED;
		error = bpf_skb_load_bytes_relative(skb, at, &p.address[3], 4, BPF_HDR_START_NET);
	}
	return !error && bpf_map_lookup_elem(&exempt, &p);
}

/* `wire_len` knows what a packet is cut into later. */
static __always_inline void count(__u64 *bytes, struct __sk_buff *skb)
{
	__sync_fetch_and_add(bytes, skb->wire_len);
}

static __always_inline void wait_in(struct __sk_buff *skb, __u16 minor)
{
	if (minor)
		skb->priority = CLASSES | minor;
}

/* Slivers' own IPv6 addresses: the prefix, with the id in its last 16 bits, which are 0 here; all 0 where there is none. */
struct settings6 {
	__u32 prefix[4];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings6);
} settings6 SEC(".maps");

static __always_inline int is_forged6(struct __sk_buff *skb)
{
	__u32 zero = 0, source[4];
	struct settings6 *s = bpf_map_lookup_elem(&settings6, &zero);
	if (!s || bpf_skb_load_bytes_relative(skb, offsetof(struct ipv6hdr, saddr), source, 16, BPF_HDR_START_NET))
		return 1;
	return !s->prefix[0] || source[0] != s->prefix[0] || source[1] != s->prefix[1] || source[2] != s->prefix[2] ||
	       source[3] != (s->prefix[3] | bpf_htonl(skb->mark & ID_MASK));
}

/* Whether a sliver's packet is fit to leave, whatever became of the rules that see to it: it has the shared address and
 * a port that isn't another's, or the sliver's own address of IPv6. */
static __always_inline int is_forged(struct __sk_buff *skb)
{
	struct settings *s = config();
	struct iphdr ip;
	__be16 port;
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return is_forged6(skb);
	if (skb->protocol != bpf_htons(ETH_P_IP) || !s)
		return 0;
	if (bpf_skb_load_bytes_relative(skb, 0, &ip, sizeof(ip), BPF_HDR_START_NET) || ip.saddr != s->public4)
		return 1;
	if (!(skb->mark & FOREIGN_MARK))
		return 0;
	if (ip.protocol != IPPROTO_TCP && ip.protocol != IPPROTO_UDP)
		return 1;
	if (ip.frag_off & bpf_htons(0x1fff))
		return 0;
	return bpf_skb_load_bytes_relative(skb, ip.ihl * 4, &port, sizeof(port), BPF_HDR_START_NET) ||
	       !in_remap(bpf_ntohs(port));
}

/* At the uplink, what leaves: the mark of `from_sliver` says whose it is. */
SEC("tc") int to_world(struct __sk_buff *skb)
{
	__u32 id = skb->mark & ID_MASK;
	if (!(skb->mark & FROM_MARK))
		return TC_ACT_UNSPEC;
	if (is_forged(skb))
		return TC_ACT_SHOT;
	struct traffic *t = bpf_map_lookup_elem(&traffic, &id);
	struct classes *c = bpf_map_lookup_elem(&classes, &id);
	int free = is_exempt(skb, 1);
	if (!t || !c)
		return TC_ACT_UNSPEC;
	count(free ? &t->exempt_up : &t->up, skb);
	wait_in(skb, free ? c->exempt_up : c->up);
	return TC_ACT_UNSPEC;
}

/* On its way to a sliver's link, what has come from the world. */
static __always_inline void arrived(struct __sk_buff *skb)
{
	__u32 id = skb->mark & ID_MASK;
	struct traffic *t = bpf_map_lookup_elem(&traffic, &id);
	if (t)
		count(is_exempt(skb, 0) ? &t->exempt_down : &t->down, skb);
}
