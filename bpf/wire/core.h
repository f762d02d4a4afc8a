/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The few kernel structures that the programs read. CO-RE relocates their fields, so the build needs no vmlinux.h. */
#ifndef SALLYPORT_WIRE_CORE_H
#define SALLYPORT_WIRE_CORE_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "event.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMP 1
#define IPPROTO_IGMP 2
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_DCCP 33
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_ICMPV6 58
#define IPPROTO_DSTOPTS 60
#define IPPROTO_SCTP 132
#define IPPROTO_UDPLITE 136
#define IPPROTO_MPTCP 262
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_BINDPORT_LOCK 8 /* net/sock.h: the port was given to bind() */
#define AF_INET 2
#define AF_INET6 10
/* net/tcp_states.h */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_FIN_WAIT1 4
#define TCP_FIN_WAIT2 5
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LAST_ACK 9
#define TCP_LISTEN 10
#define TCP_CLOSING 11

#define PACKET_LOOPBACK 5 /* linux/if_packet.h: a multicast packet that this host sent */
#define LOOPBACK_IFINDEX 1 /* net/flow.h: the same in every network namespace */

#define SKBFL_SHARED_FRAG 2 /* linux/skbuff.h, since Linux 5.14: pages that the sender can still write to */

#define PF_KTHREAD 0x00200000 /* linux/sched.h */

#define SP_NS_PER_S 1000000000ULL

#define min(a, b) ((a) < (b) ? (a) : (b))

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct super_block {
	__u32 s_dev;
};

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct path f_path;
};

struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start, arg_end;
};

struct kuid {
	__u32 val;
};

struct kernfs_iattrs {
	struct kuid ia_uid;
};

struct kernfs_node {
	struct kernfs_node *__parent; /* see core_fixes.h */
	const char *name;
	struct kernfs_iattrs *iattr;
	__u64 id;
};

struct kernfs_node___before_6_15 {
	struct kernfs_node *parent;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct cred {
	struct kuid uid, gid;
};

struct atomic {
	int counter;
};

struct signal_struct {
	struct atomic live; /* threads */
};

struct task_struct {
	int pid, tgid;
	unsigned int flags;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	__u64 start_boottime;
	const struct cred *cred;
	struct css_set *cgroups;
	char comm[SP_COMM_LEN];
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct net {
	__u64 net_cookie;
};

struct possible_net {
	struct net *net;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__u16 skc_num;
	unsigned long skc_flags;
	struct possible_net skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

enum sock_flags { SOCK_DONE = 1, SOCK_RCU_FREE = 2 };

struct sock {
	struct sock_common __sk_common;
	__u8 sk_kern_sock : 1;
	__u8 sk_userlocks : 4;
	__u32 sk_max_ack_backlog;
	struct kuid sk_uid;
	struct sock_cgroup_data sk_cgrp_data;
};

struct inet_sock {
	unsigned long inet_flags; /* see core_fixes.h */
};

struct inet_sock___before_6_6 {
	__u8 freebind : 1;
	__u8 transparent : 1;
};

struct sk_buff {
	unsigned char *head;
	unsigned int end; /* an offset, on 64-bit machines */
	unsigned long _nfct;
};

struct skb_shared_info {
	__u8 flags;
	__u8 nr_frags;
};

struct tcp_sock {
	__u32 segs_in, segs_out;
	__u64 bytes_received, bytes_acked, bytes_sent;
	__u32 write_seq, snd_una, rcv_nxt;
	__u32 srtt_us, total_retrans;
};

#pragma clang attribute pop

#endif
