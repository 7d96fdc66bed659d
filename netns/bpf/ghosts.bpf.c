#include "claims.h"

/* Sockets that hold something, for the daemon to compare with the slots: all that are in some process's file table, once
 * for each time. (An iterator over the sockets' storage would be exact, and some hardened kernels refuse it.) */
struct holder {
	__u64 socket;
	struct holding holding;
};
static __always_inline void show(struct seq_file *seq, __u64 socket, struct holding *h)
{
	if (!h || !h->live)
		return;
	struct holder holder = { .socket = socket, .holding = *h };
	bpf_seq_write(seq, &holder, sizeof(holder));
}

SEC("iter/task_file") int holders(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *socket = file ? bpf_sock_from_file(file) : 0;
	struct sock *sk = socket ? socket->sk : 0;
	if (!sk)
		return 0;
	__u64 key = (__u64)sk;
	show(ctx->meta->seq, key, bpf_sk_storage_get(&holdings, sk, 0, 0));
	show(ctx->meta->seq, key, bpf_map_lookup_elem(&mptcp_holdings, &key));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
