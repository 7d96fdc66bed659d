/* Packets on their way between the uplink and the slivers' links: tc programs, which change marks and TTLs and hand over what
 * is for a sliver. What becomes of a packet is said by nftables and routing (netns/ruleset/). */
#pragma once
#include "slots.h"
#include "traffic.h"

/* Which sliver is behind a link of the node's, by the link's index. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, __u32);
} links SEC(".maps");

/* The other way: the link of a sliver, by its id; 0: it has none. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ID_MASK + 1);
	__type(key, __u32);
	__type(value, __u32);
} ends SEC(".maps");

/* The slot that a packet's destination (or source) port stands for, or -1. Of a fragmented packet the first fragment
 * tells: conntrack puts it together later, and keeps the first one's mark. */
static __always_inline int slot_in(struct __sk_buff *skb, struct iphdr *ip, int source)
{
	__be16 port;
	if (ip->frag_off & bpf_htons(0x1fff))
		return -1;
	if (ip->protocol == IPPROTO_ICMP)
		return -1;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return SLOT_PROTOCOL + ip->protocol;
	if (bpf_skb_load_bytes_relative(skb, ip->ihl * 4 + (source ? 0 : 2), &port, sizeof(port), BPF_HDR_START_NET))
		return -1;
	return slot_of(ip->protocol, bpf_ntohs(port));
}

static __always_inline int header4(struct __sk_buff *skb, struct iphdr *ip)
{
	return skb->protocol == bpf_htons(ETH_P_IP) &&
	       !bpf_skb_load_bytes_relative(skb, 0, ip, sizeof(*ip), BPF_HDR_START_NET) && ip->ihl >= 5;
}

/* At the uplink: what is for the shared address is marked with the owner of its port. Only a new flow goes by it; the
 * packets of one that exists go where that goes. */
SEC("tc") int from_world(struct __sk_buff *skb)
{
	struct settings *s = config();
	struct iphdr ip;
	if (!s || !s->public4 || !header4(skb, &ip) || ip.daddr != s->public4)
		return TC_ACT_UNSPEC;
	int index = slot_in(skb, &ip, 0);
	struct slot *slot = index < 0 ? 0 : slot_at(index);
	__u64 state = slot ? state_of(slot) : 0;
	if ((state & OWNED) && !(state & NODE))
		skb->mark = SLIVER_MARK | (state & ID_MASK);
	return TC_ACT_UNSPEC;
}

/* Forwarding takes one off the TTL, which on one machine nothing does: it is put back ahead of it, or after. One of
 * 255 can't be put back ahead. */
static __always_inline void one_hop_more(struct __sk_buff *skb)
{
	/* By the packet's own memory: a call of a helper for each byte would cost more than all the rest. A guest may send
	 * headers that aren't in one piece. */
	if (skb->data + ETH_HLEN + sizeof(struct ipv6hdr) > skb->data_end)
		bpf_skb_pull_data(skb, ETH_HLEN + (skb->protocol == bpf_htons(ETH_P_IPV6) ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)));
	void *ip = (void *)(long)skb->data + ETH_HLEN, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *six = ip;
	struct iphdr *four = ip;
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if ((void *)(six + 1) <= end && six->hop_limit && six->hop_limit != 255)
			six->hop_limit++;
	} else if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if ((void *)(four + 1) > end || !four->ttl || four->ttl == 255)
			return;
		four->ttl++;
		/* TTL is the first byte of its half-word, and the sum is one of complements: what one gains the other loses. */
		__u32 sum = bpf_ntohs(four->check) + 0xfeff;
		four->check = bpf_htons((sum & 0xffff) + (sum >> 16));
	}
}

/* At a sliver's link, what it sends: marked as the sliver's. A source port that is another's, or is kept for remapping, is
 * told by a mark, so that the flow leaves from one that is nobody's; and so is another's IP protocol, which does not leave. */
SEC("tc") int from_sliver(struct __sk_buff *skb)
{
	struct iphdr ip;
	__u32 link = skb->ifindex, mark = UNCHECKED_MARK;
	__u32 *id = bpf_map_lookup_elem(&links, &link);
	int index = header4(skb, &ip) ? slot_in(skb, &ip, 1) : -1;
	if (id)
		mark |= FROM_MARK | (*id & ID_MASK);
	if (id && index >= 0) {
		struct slot *slot = slot_at(index);
		__u64 state = slot ? state_of(slot) : 0;
		if (((state & OWNED) && ((state & NODE) || (state & ID_MASK) != *id)) ||
		    (index < SLOT_PROTOCOL && in_remap(index & 0xffff)))
			mark |= FOREIGN_MARK;
	}
	if (skb->protocol != bpf_htons(ETH_P_ARP)) /* a question by ARP is answered by way of the routes, too */
		skb->mark = mark;
	one_hop_more(skb);
	return TC_ACT_UNSPEC;
}

/* What nftables and routing have sent on to a sliver: to its link, with the hop that it lost, and counted. (What another
 * sliver sent, or the node, goes there by itself.) */
static __always_inline int hand_over(struct __sk_buff *skb)
{
	__u32 id = skb->mark & ID_MASK;
	__u32 *end = bpf_map_lookup_elem(&ends, &id);
	if (!(skb->mark & SLIVER_MARK) || !end || !*end)
		return TC_ACT_SHOT;
	one_hop_more(skb);
	arrived(skb);
	return bpf_redirect(*end, 0);
}

/* At the carrier: at once, or once it has waited in its class there. */
SEC("tc") int to_carrier(struct __sk_buff *skb)
{
	__u32 id = skb->mark & ID_MASK;
	struct classes *c = bpf_map_lookup_elem(&classes, &id);
	__u16 minor = c ? is_exempt(skb, 0) ? c->exempt_down : c->down : 0;
	if (!minor || !(skb->mark & SLIVER_MARK))
		return hand_over(skb);
	wait_in(skb, minor);
	return TC_ACT_UNSPEC;
}

/* At the carrier's other end. */
SEC("tc") int from_carrier(struct __sk_buff *skb)
{
	return hand_over(skb);
}
