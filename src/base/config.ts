import type { MetricsConfig } from "./metrics-config.ts";

/**
 * Treatment of names that programs resolved before the daemon started, or keep for longer than their TTL.
 * none: nothing. flush: flush the host's resolver caches. resolve: also keep the names that the policy allows resolved.
 */
export type WarmUp = "none" | "flush" | "resolve";

/**
 * State of the kernel after the daemon has ended. keep: the policy stays in force. open: nothing is left. closed:
 * CLOSED_POLICY.
 */
export type OnExit = "keep" | "open" | "closed";

/**
 * The command lines of processes in records. redacted: without passwords and tokens (src/redact). none: without arguments.
 */
export type KeptArguments = "full" | "redacted" | "none";

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
	readonly args: KeptArguments;
	/** Bounds of the history file in stateDir; null: no history. */
	readonly history: { readonly days: number; readonly megabytes: number } | null;
	readonly metrics: MetricsConfig;
	/** Entries per map; `events` in bytes. */
	readonly sizes: Readonly<Partial<Record<SizedMap, number>>>;
}

/** Maps of the BPF object whose size is a setting. */
export type SizedMap =
	| "names"
	| "covered"
	| "learned"
	| "claims"
	| "questions"
	| "processes"
	| "programs"
	| "cgroups"
	| "user_cgroups"
	| "flows"
	| "events"
	| "resolvers";

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
	args: "redacted",
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
		covered: 32_768,
		learned: 32_768,
		claims: 16_384,
		questions: 16_384,
		processes: 4_096,
		programs: 65_536,
		cgroups: 65_536,
		user_cgroups: 8_192,
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
	/** Kinds of recent denials, and the processes of one that have a record each. */
	denialKinds: 8_192,
	denialProcesses: 64,
	/** Network namespaces whose learned names `policy explain` and `GET /v1/names` look up. */
	namespaces: 64,
	names: 32_768,
	namedAddresses: 32_768,
	/** Records in memory that wait for the history file: about 25 MB while it cannot be written. */
	historyBuffer: 65_536,
	/** Bytes of one batch from the ring buffer. */
	batchBytes: 256 * 1024,
	/** Policy generations whose rule names are kept for late events. */
	generations: 8,
	/** Bytes of the text of a policy, and of one of its list files. */
	policyBytes: 4 * 1024 * 1024,
	listBytes: 64 * 1024 * 1024,
	/** Bytes of a compiled policy after whose load memory is released. */
	largePolicy: 4 * 1024 * 1024,
	/** Policies that the API reads at a time. */
	policiesRead: 4,
	/** Names of a policy that the daemon keeps resolved, addresses of one of them, and queries at a time. */
	keptNames: 2_000,
	keptAddresses: 64,
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
	/** Changes of overlays, many of which are compiled together. */
	overlayRequests: 400,
	/** Queries of callers other than root: running, one of each caller, and those of one caller that wait. */
	queries: 2,
	queriesWaiting: 4,
	/** Readers of /v1/stream; events buffered for all of them; events that one reader gets from history. */
	streams: 32,
	/** Of the streams, those kept for root on the unix socket, and those of another caller. */
	streamsKept: 12,
	streamsEach: 8,
	replayed: 4_096,
	replay: 20_000,
	/** The listener of the metrics: connections, scrapes at a time and those of one client, requests per second of one client. */
	scrapeConnections: 32,
	scrapes: 4,
	scrapesEach: 2,
	scrapeRequests: 50,
	/** Maximum number of password hashes that the metrics listener computes at a time. Each takes up to 64 MB. */
	passwordChecks: 2,
} as const;

/** Intervals and timeouts [ms]. */
export const TIMES = {
	/** From the start, or the load of a large policy, until memory that only it needed is released. */
	started: 2_000,
	/** From the last batch to a read without a wake-up. */
	tail: 25,
	sweep: 5_000,
	/** Between looks at the links of the programs, and at the file of the API's socket. */
	links: 1_000,
	socket: 1_000,
	udpIdle: 30_000,
	/** Idle time of an inbound UDP flow. Forgotten earlier, its next answer would count as egress. */
	inboundIdle: 600_000,
	/** Age at which an open connection is reported to streams. */
	settle: 1_000,
	/** Timeout of one DNS server at the first try, and of a command that flushes a cache. */
	resolve: 1_000,
	flush: 5_000,
	/**
	 * Names of the policy that are kept resolved: how long an address stays after the last answer with it or the last
	 * connection to it; the longest time between queries; between queries for a name without addresses; after a first
	 * failure, which doubles; its maximum; the longest time of a query.
	 */
	kept: 3_600_000,
	keptMax: 1_800_000,
	keptAbsent: 60_000,
	keptRetry: 1_000,
	keptRetryMax: 60_000,
	keptQuery: 30_000,
	/** Age at which a DNS query without a response is counted as such. Longer than resolver libraries wait. */
	dnsResponse: 30_000,
	/** Between attempts to reach systemd-resolved. */
	resolvedRetry: 10_000,
	fileQuiet: 100,
	/** Read of a policy file. */
	readFile: 10_000,
	/** Age at which an open connection is written to history. */
	record: 400,
	/** Between looks at the connections that wait for `settle` or `record`. */
	settleTick: 200,
	/**
	 * From a record to the transaction that writes it. A crash loses `record` + `settleTick` + `historyFlush`: below 1 s.
	 */
	historyFlush: 250,
	/** From a denial until another one of its kind has a record again; until the history has the count of its repeats. */
	repeats: 60_000,
	recount: 5_000,
	/** Between writes of the counters of open connections to history. */
	refresh: 30_000,
	/** Longest wait of an API query for the latest records to be in history. */
	freshness: 1_000,
	/** Longest wait of a query for its turn, and its longest time. */
	queryWait: 10_000,
	query: 20_000,
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
