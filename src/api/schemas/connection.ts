import { endNames, outcomeNames, phaseNames, reasonNames, verdictNames } from "../../native/vocabulary.ts";
import {
	boolean,
	integer,
	list,
	namedEnum,
	namedObject,
	nullable,
	number,
	object,
	orNull,
	ref,
	string,
	time,
} from "./base.ts";
import { sourceSchema, unwrittenSchema } from "./source.ts";

export const phaseSchema = namedEnum("Phase", "A point at which the policy decides.", phaseNames);

export const verdictSchema = namedEnum(
	"Verdict",
	"`would_deny`: allowed in mode `observe`; mode `enforce` would deny it.",
	verdictNames,
);

export const reasonSchema = namedEnum("Reason", "The cause of a verdict.", reasonNames);
export const nameSourceSchema = namedEnum(
	"NameSource",
	"The origin of `name`: the ClientHello, the last HTTP request, or a DNS response with the address.",
	["sni", "http", "dns"],
);
export const encryptedDnsSchema = namedEnum("EncryptedDns", "DNS over TLS, QUIC or HTTPS.", ["dot", "doq", "doh"]);
export const endSchema = namedEnum("ConnectionEnd", "How the connection ended.", endNames);

export const decisionSchema = namedObject("Decision", "The last decision of one phase.", {
	verdict: ref(verdictSchema),
	reason: ref(reasonSchema),
	group: nullable("string"),
	rule: nullable("string"),
	generation: { ...integer, description: "The generation of the policy that decided." },
});

export const processSchema = namedObject("Process", "The process that opened the connection.", {
	pid: integer,
	ppid: nullable("integer"),
	comm: string,
	exe: nullable("string"),
	args: {
		...list(string),
		description:
			"Without passwords and tokens, unless the daemon runs with `--args full`. Empty if they are not known or not kept, and " +
			"over TCP on loopback without a token.",
	},
	uid: integer,
	user: nullable("string"),
	parentComm: nullable("string"),
});

export const querySchema = namedObject("DnsQuery", "The DNS query of a record of kind `dns`.", {
	type: { ...string, description: "The record type, for example AAAA." },
	outcome: {
		enum: outcomeNames,
		description:
			"How the question ended; none: no response was seen; null: it was not sent, or an earlier version recorded it.",
	},
	addresses: { ...list(string), description: "The addresses in the responses." },
});

export const httpSchema = namedObject("HttpRequests", "Cleartext HTTP: the last request, and the number of requests.", {
	method: string,
	host: nullable("string"),
	path: { ...string, description: "With the query; `...` marks a path longer than 256 bytes." },
	status: { ...nullable("integer"), description: "The status code of the response; null while it is unknown." },
	requests: integer,
});

const properties = {
	id: integer,
	kind: { type: "string", enum: ["connection", "dns"] },
	first: { ...time, description: "The time of the first event." },
	last: { ...time, description: "The time of the last event." },
	durationMs: number,
	open: boolean,
	process: orNull(processSchema),
	unit: nullable("string"),
	container: nullable("string"),
	cgroup: { ...nullable("string"), description: "The path below the watched cgroup." },
	protocol: { ...string, description: "`tcp`, `udp`, `icmp`, `icmp6` or the number." },
	remote: { ...string, description: "The destination address; of a DNS query, the resolver." },
	remotePort: integer,
	local: nullable("string"),
	localPort: nullable("integer"),
	name: nullable("string"),
	nameSource: orNull(nameSourceSchema),
	encryptedDns: orNull(encryptedDnsSchema),
	verdict: ref(verdictSchema),
	phase: orNull(phaseSchema),
	rule: nullable("string"),
	group: nullable("string"),
	reason: orNull(reasonSchema),
	alerts: list(object({ group: string, rule: string })),
	decisions: {
		type: "object",
		description: "The last decision of each phase that decided.",
		properties: Object.fromEntries(phaseNames.map((phase) => [phase, ref(decisionSchema)])),
	},
	count: {
		...integer,
		description: "Denials of the same kind, from `first` to `last`, that the record stands for. Else 1.",
	},
	bytesOut: integer,
	bytesIn: integer,
	packetsOut: integer,
	packetsIn: integer,
	end: orNull(endSchema),
	query: orNull(querySchema),
	http: orNull(httpSchema),
	rttUs: { ...nullable("number"), description: "The smoothed round-trip time in microseconds." },
	retransmits: integer,
	encryptedHello: { ...boolean, description: "The ClientHello used Encrypted Client Hello." },
} as const;

export const connectionSchema = namedObject("Connection", "A connection or a DNS query.", properties, {
	examples: [
		{
			id: 1769860800000000,
			kind: "connection",
			first: "2026-01-31T12:00:00.000Z",
			last: "2026-01-31T12:00:00.250Z",
			durationMs: 250,
			open: false,
			process: {
				pid: 4242,
				ppid: 4000,
				comm: "curl",
				exe: "/usr/bin/curl",
				args: ["curl", "https://api.example.com"],
				uid: 1000,
				user: "agent",
				parentComm: "bash",
			},
			unit: "agent.service",
			container: null,
			cgroup: "system.slice/agent.service",
			protocol: "tcp",
			remote: "192.0.2.1",
			remotePort: 443,
			local: "10.0.0.1",
			localPort: 40000,
			name: "api.example.com",
			nameSource: "sni",
			encryptedDns: null,
			verdict: "allow",
			phase: "tls",
			rule: "api",
			group: "web",
			reason: "rule",
			alerts: [],
			decisions: { tls: { verdict: "allow", reason: "rule", group: "web", rule: "api", generation: 3 } },
			count: 1,
			bytesOut: 812,
			bytesIn: 5120,
			packetsOut: 9,
			packetsIn: 8,
			end: "local",
			query: null,
			http: null,
			rttUs: 900,
			retransmits: 0,
			encryptedHello: false,
		},
	],
});

export const connectionListSchema = namedObject("ConnectionList", "One page of records.", {
	connections: list(ref(connectionSchema)),
	next: { ...nullable("string"), description: "The cursor of the next page." },
	more: { ...boolean, description: "There is a next page." },
	source: ref(sourceSchema),
	unwritten: orNull(unwrittenSchema),
});

export const stepSchema = namedObject("Step", "One decision on the way to the verdict.", {
	phase: ref(phaseSchema),
	verdict: ref(verdictSchema),
	reason: ref(reasonSchema),
	group: nullable("string"),
	rule: nullable("string"),
	generation: integer,
	decides: { ...boolean, description: "The verdict of the record is from this decision." },
	record: {
		...nullable("integer"),
		description: "The id of the DNS query's record, for the step that precedes the connection.",
	},
	text: { ...string, description: "The decision as a sentence." },
});

export const remedySchema = namedObject("Remedy", "What would allow a denied connection.", {
	text: { ...string, description: "Why it is denied and what to do, in sentences." },
	rule: { ...nullable("string"), description: "A rule to paste into a group of the policy; null: none helps." },
});

export const connectionDetailSchema = namedObject("ConnectionDetail", "A record with the steps of its decision.", {
	...properties,
	steps: list(ref(stepSchema)),
	remedy: { ...orNull(remedySchema), description: "Null if it is allowed." },
	source: ref(sourceSchema),
	unwritten: orNull(unwrittenSchema),
});
