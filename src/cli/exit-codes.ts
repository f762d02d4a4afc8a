import { EXIT } from "../base/errors.ts";

/** When a command ends with each code: for help, man page and docs/cli.md, whose table is this one. */
export const WHEN: Readonly<Record<keyof typeof EXIT, string>> = {
	OK: "done",
	UNEXPECTED: "a defect, or something that nobody thought of; `policy diff --exit-code`: something would change",
	USAGE: "unknown command or flag, a value that cannot be",
	POLICY_INVALID:
		"the policy has problems: `policy check`, `policy apply`, `policy diff`, `replay --policy`, `attach`, or `run` with none in force before",
	CAPTURE_INVALID: "`replay`: a capture cannot be read, or ends in the middle; what could be read was shown",
	NOT_WELL: "`doctor` found a failure",
	NOT_ROOT: "neither root nor given the capabilities that are needed",
	CAPABILITY_MISSING: "without one of `CAP_BPF`, `CAP_NET_ADMIN` and `CAP_PERFMON`, as in a container",
	KERNEL_TOO_OLD: "a kernel before 6.1",
	NO_BTF: "no `/sys/kernel/btf/vmlinux`",
	NO_CGROUP2: "no cgroup v2 file system is mounted",
	NO_ADDON: "the native addon is not built, or not for this machine",
	NO_BPFFS: "the BPF file system is not mounted and cannot be",
	KERNEL_REFUSED: "the kernel refused to load or attach; the verifier's last words follow",
	BAD_CGROUP: "`--cgroup` is no cgroup v2 folder",
	ALREADY_RUNNING: "another daemon has these pins",
	LISTEN_FAILED: "a socket or port cannot be opened, or a listener's secrets cannot be read",
	NOT_LOOPBACK: "`--listen` or `--metrics-listen` names an address that others can reach, without TLS and a secret",
	DAEMON_UNREACHABLE: "no daemon at the socket, or no right to use it",
	DAEMON_REFUSED: "the daemon refused the request, for example a filter that cannot be",
};

export function exitCodes(): (readonly [code: number, name: string, when: string])[] {
	return Object.entries(EXIT).map(([name, code]) => [code, name, WHEN[name as keyof typeof EXIT]] as const);
}
