import type { MetricsConfig } from "./metrics-config.ts";

/** What is done about what was resolved before the daemon came: nothing; the host's caches flushed; names of the policy resolved too. */
export type WarmUp = "none" | "flush" | "resolve";

/** keep: enforce on; open: nothing is left in the kernel; closed: CLOSED_POLICY is in force. */
export type OnExit = "keep" | "open" | "closed";

/** What a daemon is told from outside. Everything has a default here and nowhere else. */
export interface Config {
	/** Folder of the pins, on bpffs. */
	readonly pins: string;
	/** cgroup v2 folder to watch; null: the whole host. */
	readonly cgroup: string | null;
	/** Unix socket of the API; null: none. */
	readonly socket: string | null;
	/** Group that may use the socket; if it does not exist the socket is root's alone. */
	readonly group: string;
	/** ADDRESS:PORT of the API on TCP, or null. Another address than loopback needs the three files below. */
	readonly listen: string | null;
	/** Bearer tokens, one a line: who may write over TCP, and read from elsewhere than loopback. */
	readonly tokenFile: string | null;
	/** PEM; both or neither. */
	readonly tlsCert: string | null;
	readonly tlsKey: string | null;
	/** Policy file; null: the built-in policy that allows everything. */
	readonly policy: string | null;
	/** Judge by mode observe, whatever the policy says. */
	readonly forceObserve: boolean;
	/** What becomes of the programs in the kernel when the daemon ends. */
	readonly onExit: OnExit;
	readonly warmUp: WarmUp;
	/** systemd-resolved's Monitor socket, and the unit's that may use it; null: not asked. */
	readonly resolvedMonitor: { readonly socket: string; readonly proxy: string } | null;
	/** Folder of lock files. */
	readonly runtimeDir: string;
	/** Folder for what must survive a restart; null: nothing does. */
	readonly stateDir: string | null;
	/** What is kept of the past, in stateDir; null: nothing. */
	readonly history: { readonly days: number; readonly megabytes: number } | null;
	readonly metrics: MetricsConfig;
	readonly sizes: Readonly<Partial<Record<SizedMap, number>>>;
}

/** Maps of the BPF object whose size is a setting. */
export type SizedMap = "names" | "learned" | "questions" | "processes" | "cgroups" | "flows" | "events" | "resolvers";

export const DEFAULTS: Config = {
	pins: "/sys/fs/bpf/sallyport",
	cgroup: null,
	socket: "/run/sallyport/sallyport.sock",
	group: "sallyport",
	listen: null,
	tokenFile: null,
	tlsCert: null,
	tlsKey: null,
	policy: "/etc/sallyport/policy.yaml",
	forceObserve: false,
	onExit: "keep",
	warmUp: "resolve",
	resolvedMonitor: {
		socket: "/run/systemd/resolve/io.systemd.Resolve.Monitor",
		proxy: "/run/sallyport-resolved.sock",
	},
	runtimeDir: "/run/sallyport",
	stateDir: "/var/lib/sallyport",
	history: { days: 30, megabytes: 1_024 },
	metrics: {
		listen: null,
		tlsCert: null,
		tlsKey: null,
		tokenFile: null,
		basicFile: null,
		insecure: false,
		topNames: 0,
	},
	sizes: {
		names: 32_768,
		learned: 32_768,
		questions: 16_384,
		processes: 4_096,
		cgroups: 8_192,
		flows: 65_536,
		events: 4 * 1024 * 1024,
		resolvers: 64,
	},
};

/** Bounds of the tables in memory. */
export const LIMITS = {
	/** Connections that are open, and those that have ended. The oldest make room for the newest. */
	live: 32_768,
	finished: 10_000,
	processes: 16_384,
	cgroups: 8_192,
	names: 32_768,
	namedAddresses: 32_768,
	/** Records that wait in memory for the history's file: about 25 MB while it cannot be written. */
	historyBuffer: 65_536,
	/** Bytes of one batch from the ring. */
	batchBytes: 256 * 1024,
	/** Generations of the policy whose rules can still be named. */
	generations: 8,
	policyBytes: 16 * 1024 * 1024,
	/** Names of a policy that the daemon resolves itself, and how many at a time. */
	resolvedNames: 500,
	resolvedAtOnce: 16,
	/** Times that each server is asked, each time waiting longer: a datagram may be lost. */
	resolveTries: 3,
	/** Of any other request to the API. */
	bodyBytes: 64 * 1024,
	/** Of one listener of the API; the one that has been idle longest makes room. */
	apiConnections: 256,
	/** Requests a second of one client, and of those that cost much. */
	requests: 500,
	dearRequests: 20,
	/** Readers of /v1/stream, events that wait for all of them together, and those that one is sent from history. */
	streams: 32,
	replayed: 4_096,
	replay: 20_000,
} as const;

/** Milliseconds. */
export const TIMES = {
	/** After the start: give back what it needed. */
	started: 2_000,
	/** After the last batch: look for records that no wake-up announced. */
	tail: 25,
	sweep: 5_000,
	udpIdle: 30_000,
	/** A flow that the other side opened: forgetting it early would make its next answer egress. */
	inboundIdle: 600_000,
	/** A record is told to watchers once it has ended or is this old. */
	settle: 1_000,
	/** DNS questions take answers for this long. */
	question: 5_000,
	/** A name of the policy that the daemon resolves: how long for one server at first. And a command that flushes a cache. */
	resolve: 1_000,
	flush: 5_000,
	/** Between tries to reach systemd-resolved. */
	resolvedRetry: 10_000,
	fileQuiet: 100,
	/** A record is written to history once it has ended or is this old. With the two timers on its way (200 and 250) and the disk, a crash loses no more than the last second. */
	record: 400,
	/** Open connections whose counters moved are written to history this often. */
	refresh: 30_000,
	/** A question to the API waits this long for what has just happened to be in history. */
	freshness: 1_000,
	/** HTTP: a request's head, the whole of it, and a connection that says nothing. */
	headers: 10_000,
	request: 30_000,
	idle: 60_000,
	/** A stream: between signs of life, and until a reader that takes nothing is hung up on. */
	heartbeat: 15_000,
	stalled: 300_000,
} as const;

export const OBSERVE_POLICY = `# What "observe" runs without a policy of your own: everything is allowed, everything is seen.
version: 1
mode: observe
defaults: { dns: allow, connect: allow, tls: allow, http: allow }
groups: []
`;

/** What `closed` means. Without leave to renew its address a host would soon be out of reach of those who come to help. */
export const CLOSED_POLICY = `# Nothing leaves but loopback, DHCP, and answers to who connects from outside.
version: 1
mode: enforce
defaults: { dns: deny, connect: deny, tls: deny, http: deny }
groups:
  - name: closed
    priority: 1
    rules:
      - { name: loopback, action: allow, to: { cidr: [127.0.0.0/8, "::1/128"] } }
      - { name: dhcp, action: allow, to: { protocol: udp, ports: [67, 547] } }
`;
