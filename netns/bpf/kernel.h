/* Of the kernel's own structures only what is read, found by BTF wherever this kernel has it. */
#pragma once
#include "maps.h"

#define OURS __attribute__((preserve_access_index))
struct sock_common {
	__u16 skc_num;
	unsigned char skc_ipv6only : 1;
} OURS;
struct sock {
	struct sock_common __sk_common;
	__u8 sk_kern_sock : 1;
	struct socket *sk_socket;
} OURS;
struct inet_sock {
	unsigned long inet_flags; /* since 6.6; one bit of many before */
	__u32 local_port_range; /* since 6.8 */
} OURS;
struct inet_sock___before_6_6 {
	__u8 bind_address_no_port : 1;
} OURS;
struct inet_connection_sock {
	struct inet_sock icsk_inet;
	void *icsk_ulp_data;
} OURS;
struct tcp_sock {
	struct inet_connection_sock inet_conn;
} OURS;
struct mptcp_subflow_context {
	struct sock *conn;
} OURS;
struct bpf_iter_meta {
	struct seq_file *seq;
} OURS;
struct socket {
	struct sock *sk;
} OURS;
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} OURS;

/* A cgroup program's context is the socket itself, though the verifier shows only some of it. */
static __always_inline int is_v6only(void *ctx)
{
	struct sock *sk = ctx;
	return BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only);
}

/* As it was bound, or chosen for a connection; not every program may read it of its context. */
static __always_inline __u16 port_of(void *ctx)
{
	struct sock *sk = ctx;
	__u16 port = 0;
	bpf_core_read(&port, sizeof(port), &sk->__sk_common.skc_num);
	return port;
}

#define IPPROTO_MPTCP_ 262

/* The MPTCP socket whose first subflow this is, 0 for any other socket. A program that opens an MPTCP socket (Go's
 * listeners are) binds a socket of the kernel's behind it, which nobody closes by a call that we see. */
static __always_inline __u64 mptcp_of(void *ctx)
{
	struct sock *sk = ctx;
	if (!bpf_core_type_exists(struct mptcp_subflow_context) || !BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock))
		return 0;
	struct inet_connection_sock *icsk = ctx;
	struct mptcp_subflow_context *subflow = BPF_CORE_READ(icsk, icsk_ulp_data);
	return (__u64)BPF_CORE_READ(subflow, conn);
}

/* IP_BIND_ADDRESS_NO_PORT: the port is chosen with the connection, a bind takes none. IP_LOCAL_PORT_RANGE: the program
 * has a range of its own. Known of TCP only. */
#define NO_PORT_FLAG 18
static __always_inline int has_its_own_way(struct bpf_sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	if (bpf_core_field_exists(tcp->inet_conn.icsk_inet.local_port_range) &&
	    BPF_CORE_READ(tcp, inet_conn.icsk_inet.local_port_range))
		return 1;
	if (bpf_core_field_exists(tcp->inet_conn.icsk_inet.inet_flags))
		return BPF_CORE_READ(tcp, inet_conn.icsk_inet.inet_flags) >> NO_PORT_FLAG & 1;
	struct inet_sock___before_6_6 *inet = (void *)tcp;
	return BPF_CORE_READ_BITFIELD_PROBED(inet, bind_address_no_port);
}
