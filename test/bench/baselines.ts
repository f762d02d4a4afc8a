/** Baselines of the comparison: nftables in its own namespace, and BPF programs that only return 1. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cgroup } from "../support/cgroup.ts";
import { must } from "../support/run.ts";

const SET_SIZE = 100_000;

/** An output chain that looks up new connections in a set of 100,000 prefixes and drops the others. */
export function loadNft(ns: string, prefixes: string, folder: string): void {
	const elements = readFileSync(prefixes, "utf8")
		.trim()
		.split("\n")
		.slice(0, SET_SIZE - 1)
		.filter((line) => !line.startsWith("198."));
	const rules = join(folder, "rules.nft");
	writeFileSync(
		rules,
		`table inet egress {
	set allowed { type ipv4_addr; flags interval; auto-merge; elements = { 198.18.0.0/15, ${elements.join(", ")} } }
	chain out { type filter hook output priority 0; policy accept;
		ct state established,related accept
		ct state new ip daddr @allowed tcp dport 20000-20099 accept
		ct state new drop
	}
}
`,
	);
	must("nsenter", `--net=/run/netns/${ns}`, "nft", "-f", rules);
}

/** Compiles pass.bpf.c and attaches it; the links end with the cgroup, the pins with the bpffs. */
export function attachPass(cgroup: Cgroup, folder: string, bpffs: string): void {
	const object = join(folder, "pass.o");
	must("clang", "-O2", "-target", "bpf", "-c", join(import.meta.dirname, "pass.bpf.c"), "-o", object);
	must("bpftool", "prog", "loadall", object, join(bpffs, "pass"));
	must(
		"bpftool",
		"cgroup",
		"attach",
		cgroup.path,
		"cgroup_inet_egress",
		"pinned",
		join(bpffs, "pass/pass_egress"),
		"multi",
	);
	must(
		"bpftool",
		"cgroup",
		"attach",
		cgroup.path,
		"cgroup_inet_ingress",
		"pinned",
		join(bpffs, "pass/pass_ingress"),
		"multi",
	);
}
