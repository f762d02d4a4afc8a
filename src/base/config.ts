import type { MetricsConfig } from "./metrics-config.ts";

/**
 * Treatment of names that programs resolved before the daemon started.
 * none: nothing. flush: flush the host's resolver caches. resolve: also resolve the names that the policy allows.
 */
export type WarmUp = "none" | "flush" | "resolve";

/**
 * State of the kernel after the daemon has ended. keep: the policy stays in force. open: nothing is left. closed:
 * CLOSED_POLICY.
 */
export type OnExit = "keep" | "open" | "closed";

/** Connections that `run` writes to the systemd journal. */
export type Journalled = "none" | "denied" | "all";

/** The settings of a daemon. DEFAULTS has the default of each, and so do the command line and its help. */
export interface Config {
	/** Folder of the pins, on a BPF file system. */
	readonly pins: string;
	/** cgroup v2 folder to watch; null: the whole host. */
	readonly cgroup: string | null;
	/** Unix socket of the API; null: none. */
	readonly socket: string | null;
	/** Group that may use the socket. Only root may if the group does not exist. */
	readonly group: string;
	/** ADDRESS:PORT of the API on TCP; null: none. Any address but loopback requires the three files below. */
	readonly listen: string | null;
	/** File of bearer tokens, one per line. A token permits writes over TCP, and reads from other hosts. */
	readonly tokenFile: string | null;
	/** PEM files of the API on TCP; both or neither. */
	readonly tlsCert: string | null;
	readonly tlsKey: string | null;
	/** Policy file; null: OBSERVE_POLICY. */
	readonly policy: string | null;
	/** Use mode observe, whatever the policy says. */
	readonly forceObserve: boolean;
	readonly onExit: OnExit;
	readonly warmUp: WarmUp;
	/** Socket of systemd-resolved's Monitor interface, and the unit's proxy for it; null: unused. */
	readonly resolvedMonitor: { readonly socket: string; readonly proxy: string } | null;
	/** Folder of lock files. */
	readonly runtimeDir: string;
	/** Folder of files that survive a restart; null: no such files. */
	readonly stateDir: string | null;
	/** Bounds of the history file in stateDir; null: no history. */
	readonly history: { readonly days: number; readonly megabytes: number } | null;
	readonly metrics: MetricsConfig;
	/** Entries per map; `events` in bytes. */
	readonly sizes: Readonly<Partial<Record<SizedMap, number>>>;
}

/** Maps of the BPF object whose size is a setting. */
export type SizedMap = "names" | "learned" | "questions" | "processes" | "cgroups" | "flows" | "events" | "resolvers";

export const DEFAULTS = {
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
} as const satisfies Config;

/** Defaults of the flags of `run` that are no settings of the daemon. */
export const RUN_DEFAULTS = { logLevel: "info", journal: "none" } as const;

/** Bounds of tables in memory, of threads and of the API. */
export const LIMITS = {
	/** Open and ended connections in memory. The oldest are evicted. */
	live: 32_768,
	finished: 10_000,
	processes: 16_384,
	cgroups: 8_192,
	names: 32_768,
	namedAddresses: 32_768,
	/** Records in memory that wait for the history file: about 25 MB while it cannot be written. */
	historyBuffer: 65_536,
	/** Bytes of one batch from the ring buffer. */
	batchBytes: 256 * 1024,
	/** Policy generations whose rule names are kept for late events. */
	generations: 8,
	policyBytes: 16 * 1024 * 1024,
	/** Names of a policy that the daemon resolves, and how many of them at a time. */
	resolvedNames: 500,
	resolvedAtOnce: 16,
	/** Tries per DNS server, each with a longer timeout. */
	resolveTries: 3,
	/** Bytes of the body of any API request but a policy. */
	bodyBytes: 64 * 1024,
	/** Connections of one listener of the API. The one that has been idle for longest is closed. */
	apiConnections: 256,
	/** Requests per second of one client, and of those that are expensive. */
	requests: 500,
	dearRequests: 20,
	/** Readers of /v1/stream; events buffered for all of them; events that one reader gets from history. */
	streams: 32,
	replayed: 4_096,
	replay: 20_000,
	/** The listener of the metrics: connections, scrapes at a time, requests per second of one client. */
	scrapeConnections: 32,
	scrapes: 4,
	scrapeRequests: 50,
	/** Maximum number of password hashes that the metrics listener computes at a time. Each takes up to 64 MB. */
	passwordChecks: 2,
} as const;

/** Intervals and timeouts [ms]. */
export const TIMES = {
	/** From the start until memory that only the start needed is released. */
	started: 2_000,
	/** From the last batch to a read without a wake-up. */
	tail: 25,
	sweep: 5_000,
	udpIdle: 30_000,
	/** Idle time of an inbound UDP flow. Forgotten earlier, its next answer would count as egress. */
	inboundIdle: 600_000,
	/** Age at which an open connection is reported to streams. */
	settle: 1_000,
	/** Timeout of one DNS server at the first try, and of a command that flushes a cache. */
	resolve: 1_000,
	flush: 5_000,
	/** Between attempts to reach systemd-resolved. */
	resolvedRetry: 10_000,
	fileQuiet: 100,
	/** Age at which an open connection is written to history. */
	record: 400,
	/** Between looks at the connections that wait for `settle` or `record`. */
	settleTick: 200,
	/**
	 * From a record to the transaction that writes it. A crash loses `record` + `settleTick` + `historyFlush`: below 1 s.
	 */
	historyFlush: 250,
	/** Between writes of the counters of open connections to history. */
	refresh: 30_000,
	/** Longest wait of an API query for the latest records to be in history. */
	freshness: 1_000,
	/** HTTP: the head of a request, the whole request, and an idle connection. */
	headers: 10_000,
	request: 30_000,
	idle: 60_000,
	/** Streams: between heartbeats, and until a reader that takes nothing is disconnected. */
	heartbeat: 15_000,
	stalled: 300_000,
	/** The listener of the metrics: a scrape until its last byte is taken, and an idle connection. Prometheus scrapes every 60 s or sooner. */
	scrape: 30_000,
	scrapeIdle: 75_000,
} as const;

export const OBSERVE_POLICY = `# The policy of "observe" without --policy: everything is allowed and recorded.
version: 1
mode: observe
defaults: { dns: allow, connect: allow, tls: allow, http: allow }
groups: []
`;

/**
 * The policy of --on-exit closed and --otherwise closed. DHCP stays allowed, or administrators would lose the host with
 * its lease.
 */
export const CLOSED_POLICY = `# Only loopback, DHCP and answers to inbound connections leave the host.
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
