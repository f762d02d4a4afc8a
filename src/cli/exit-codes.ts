import { EXIT } from "../base/errors.ts";

/** The cause of each exit code, for help and man page. The table in docs/cli.md must have the same text (generated.test.ts). */
export const WHEN: Readonly<Record<keyof typeof EXIT, string>> = {
	OK: "success",
	UNEXPECTED: "unexpected error (a bug); `policy diff --exit-code`: the file would change something",
	USAGE: "unknown command, option or column, an invalid value, or an unusable token or certificate file",
	POLICY_INVALID:
		"the policy is invalid or cannot be read: `policy check`, `policy apply`, `policy diff`, `replay --policy`, `attach`, or `run` without a policy in force",
	CAPTURE_INVALID: "`replay`: a capture is invalid or truncated; its readable part was shown",
	NOT_WELL: "`doctor` found a failure; checks that need root are not failures",
	OUTPUT_FAILED: "standard output cannot be written, for example because the disk is full",
	NOT_ROOT: "neither root nor the required capabilities",
	CAPABILITY_MISSING: "`CAP_BPF`, `CAP_NET_ADMIN` or `CAP_PERFMON` is missing, as in a container",
	KERNEL_TOO_OLD: "the kernel is older than 6.1",
	NO_CGROUP2: "no cgroup v2 file system is mounted",
	NO_ADDON: "the native addon is missing or was built for another machine",
	NO_BPFFS: "the BPF file system is not mounted and cannot be mounted",
	KERNEL_REFUSED: "the kernel refused to load or attach a program; the end of the verifier's log is printed",
	BAD_CGROUP: "`--cgroup` is not a cgroup v2 directory",
	ALREADY_RUNNING: "another daemon uses these pins or this cgroup",
	LISTEN_FAILED: "a socket or port cannot be opened",
	NOT_LOOPBACK:
		"`--listen` or `--metrics-listen` names an address that other hosts can reach, without TLS and a secret",
	NO_BTF: "`/sys/kernel/btf/vmlinux` is missing",
	DAEMON_UNREACHABLE: "no daemon listens on the socket, or access to it is denied",
	DAEMON_REFUSED: "the daemon refused the request, for example an invalid filter",
};

/** Codes of `run` that a restart cannot change: RestartPreventExitStatus= of sallyport.service. */
export const NO_RESTART: readonly (keyof typeof EXIT)[] = [
	...([
		"USAGE",
		"POLICY_INVALID",
		"NOT_ROOT",
		"CAPABILITY_MISSING",
		"KERNEL_TOO_OLD",
		"NO_CGROUP2",
		"NO_ADDON",
	] as const),
	...(["NO_BPFFS", "KERNEL_REFUSED", "BAD_CGROUP", "NOT_LOOPBACK", "NO_BTF"] as const),
];

/** Every exit code, in the order of the numbers. */
export function exitCodes(): (readonly [code: number, name: string, when: string])[] {
	return Object.entries(EXIT).map(([name, code]) => [code, name, WHEN[name as keyof typeof EXIT]] as const);
}
