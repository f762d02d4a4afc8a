import { boolean, integer, list, namedObject, nullable, number, object, orNull, ref, string, time } from "./base.ts";

export const policyFailureSchema = namedObject("PolicyFailure", "A policy that was refused.", {
	time,
	source: string,
	problems: { ...list(string), description: "Each as `file:line:column: message`." },
});

export const policyStatusSchema = namedObject(
	"PolicyStatus",
	"The policy in force. Its members are null while an earlier daemon's policy decides.",
	{
		mode: nullable("string"),
		source: nullable("string"),
		origin: nullable("string"),
		etag: nullable("string"),
		rules: nullable("integer"),
		loadedAt: { type: ["string", "null"], format: "date-time" },
		failure: { ...orNull(policyFailureSchema), description: "The last load, if it was refused." },
	},
);

export const overlayStatusSchema = namedObject("OverlayStatus", "An overlay above the policy.", {
	name: string,
	owner: string,
	reason: string,
	scope: { ...nullable("string"), description: "Below the watched cgroup. Null: everything." },
	until: { type: ["string", "null"], format: "date-time" },
	keep: boolean,
	rules: { ...integer, description: "The number of its rules." },
	problem: { ...nullable("string"), description: "Why it is not in force." },
});

export const historyFailureSchema = namedObject("HistoryFailure", "Why history is not written.", {
	code: string,
	message: string,
	time: { ...number, description: "Milliseconds since the epoch." },
});

export const historyStatusSchema = namedObject("HistoryStatus", "The history file and its writer.", {
	file: string,
	state: {
		type: "string",
		enum: ["opening", "writing", "waiting", "off"],
		description: "`waiting`: the file cannot be written now. `off`: history stays off.",
	},
	rows: { ...integer, description: "Records in the file." },
	bytes: { ...integer, description: "The size of the file and its write-ahead log." },
	oldest: { ...nullable("number"), description: "The oldest record, in milliseconds since the epoch." },
	lastWrite: { ...nullable("number"), description: "The last committed write, in milliseconds since the epoch." },
	waiting: { ...integer, description: "Records that are not yet in the file." },
	lag: { ...number, description: "The age of the oldest of them in milliseconds." },
	written: { ...integer, description: "Since the daemon started, like the counters below." },
	dropped: integer,
	expired: integer,
	throttled: {
		...list(
			object({
				source: { ...string, description: "The container, unit or cgroup; else the user, as `user 1000`." },
				removed: { ...integer, description: "Its records that were removed because the file was full." },
				dropped: { ...integer, description: "Its records that were not written because the buffer was half full." },
				since: { ...number, description: "Milliseconds since the epoch, like `last`." },
				last: number,
			}),
		),
		description: "Sources that had more than their share, and gave way to others. The last ones first.",
	},
	failures: integer,
	writerRestarts: integer,
	failure: orNull(historyFailureSchema),
});

export const mapStatusSchema = namedObject("MapStatus", "A map of the kernel programs.", {
	name: string,
	entries: integer,
	limit: integer,
});

export const programStatusSchema = namedObject("ProgramStatus", "A kernel program.", {
	name: string,
	id: integer,
	verifiedInstructions: { ...integer, description: "Instructions that the verifier processed." },
});

export const statusSchema = namedObject("Status", "The state of the daemon.", {
	version: string,
	pid: integer,
	startedAt: time,
	cgroup: { ...string, description: "The watched cgroup." },
	pins: { ...string, description: "The folder of the BPF pins." },
	adopted: { ...boolean, description: "The kernel programs were loaded by an earlier daemon." },
	kernel: string,
	generation: { ...integer, description: "The generation of the policy in force." },
	attachment: {
		...object({
			problem: {
				...nullable("string"),
				description: "Why packets are not judged, or a restart would not take over. Null: all is well.",
			},
			repairs: { ...integer, description: "Times that the daemon attached programs again." },
		}),
		description: "Whether the programs are attached to the watched cgroup.",
	},
	policy: ref(policyStatusSchema),
	overlays: { ...list(ref(overlayStatusSchema)), description: "The oldest first." },
	events: object({
		received: integer,
		lost: { ...integer, description: "Those that did not fit into the ring buffer, and those over a share." },
		unreadable: integer,
		throttled: {
			...list(object({ source: { ...string, description: "The container, unit or cgroup." }, events: integer })),
			description: "Units that had used up their share of the ring buffer while it was filling.",
		},
	}),
	connections: object({ open: integer, ended: integer, questions: integer, dropped: integer }),
	denied: integer,
	wouldDeny: integer,
	resolvers: { ...list(string), description: "The addresses of the trusted resolvers." },
	search: {
		...list(string),
		description:
			"Search suffixes of the host's resolv.conf, the policy and Kubernetes: an allowed name with one may be looked up.",
	},
	names: {
		...object({
			kept: { ...integer, description: "Resolved again before they expire." },
			unanswered: { ...integer, description: "Of those, without an answer at the last query." },
			leftOut: { ...integer, description: "Over the limit, and not kept resolved." },
		}),
		description: "The exact names of allow rules.",
	},
	maps: list(ref(mapStatusSchema)),
	versions: { type: "object", additionalProperties: string, description: "By component." },
	history: { ...orNull(historyStatusSchema), description: "Null if no history is kept." },
	streams: { ...integer, description: "Open readers of /v1/stream." },
	programs: list(ref(programStatusSchema)),
});

export const healthSchema = namedObject(
	"Health",
	"Whether events are read and a policy is in force.",
	{
		status: { type: "string", enum: ["ok", "unhealthy"] },
		message: { ...string, description: "The cause, unless `ok`." },
	},
	{ optional: ["message"] },
);

export const readinessSchema = namedObject("Readiness", "Whether this daemon has loaded a policy and answers.", {
	ready: boolean,
	checks: { type: "object", additionalProperties: string, description: "By check: `ok`, or the cause." },
});

export const indexSchema = namedObject("Index", "The entry points of the API.", {
	name: string,
	version: string,
	links: { type: "object", additionalProperties: string, description: "Paths by name." },
});
