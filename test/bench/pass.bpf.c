/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 * The minimum cost of a program at these hooks: `return 1`. */
#define SEC(name) __attribute__((section(name), used))

SEC("cgroup_skb/egress") int pass_egress(void *skb)
{
	(void)skb;
	return 1;
}

SEC("cgroup_skb/ingress") int pass_ingress(void *skb)
{
	(void)skb;
	return 1;
}

SEC("license") char _license[] = "GPL";
