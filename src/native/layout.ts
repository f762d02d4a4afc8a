/**
 * bpf/event.h and bpf/state.h for this side: sizes, offsets and numbers; the names that people see for them are in
 * vocabulary.ts. test/bpf/layout.test.ts holds each against the compiled BTF.
 */
export const LAYOUT_VERSION = 4;
export const NO_RULE = 0xffff;
export const ROW = 128;

export const EVENT = {
	connect: 1,
	question: 2,
	hello: 3,
	answer: 4,
	end: 5,
	process: 6,
	cgroup: 7,
	request: 8,
} as const;
export const PHASE = { dns: 0, connect: 1, tls: 2, http: 3 } as const;
export const VERDICT = { allow: 1, deny: 2, wouldDeny: 3 } as const;
export const VERDICTS = 4;
export const HOOK = { connect: 1, sendmsg: 2, egress: 3, ingress: 4, release: 5 } as const;
export const REASON = { rule: 1, default: 2, resolver: 3, inbound: 4, kernel: 5, unreadable: 11 } as const;
export const REASONS = 16;
export const END = { local: 1, remote: 2, reset: 3, refused: 4, denied: 5, idle: 6 } as const;
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 } as const;
export const ANSWER_UNTRUSTED = 1;
export const ANSWER_CAPPED = 2;
export const HELLO_ECH = 1;
/** enum sp_request_flag */
export const REQUEST_FLAG = {
	connect: 0x100,
	absolute: 0x200,
	upgrade: 0x400,
	twoNames: 0x800,
	h2c: 0x1000,
	broken: 0x2000,
} as const;
export const FLOW_INBOUND = 1;

export const HEAD = {
	size: 0,
	type: 2,
	version: 3,
	tgid: 4,
	time: 8,
	cookie: 16,
	start: 24,
	cgroup: 32,
	bytes: 40,
} as const;

export const DECISION = {
	uid: 40,
	generation: 44,
	rule: 48,
	alert: 50,
	phase: 52,
	verdict: 53,
	reason: 54,
	hook: 55,
	remote: 56,
	local: 72,
	remotePort: 88,
	localPort: 90,
	protocol: 92,
	action: 93,
	nameLength: 94,
	nameHash: 96,
	netns: 104,
	comm: 112,
	bytes: 136,
} as const;

export const NAMED = { queryType: 136, queryId: 138, flags: 140, name: 144, bytes: 400 } as const;

export const REQUEST = {
	flags: 136,
	status: 140,
	pathLength: 142,
	methodLength: 144,
	name: 152,
	method: 408,
	path: 424,
	bytes: 680,
} as const;

export const ANSWER = { nameHash: 40, ttl: 48, flags: 52, address: 56, resolver: 72, bytes: 88 } as const;

export const FLOW_END = {
	bytesOut: 40,
	bytesIn: 48,
	packetsOut: 56,
	packetsIn: 64,
	remote: 72,
	local: 88,
	remotePort: 104,
	localPort: 106,
	protocol: 108,
	how: 109,
	state: 110,
	rtt: 112,
	retransmits: 116,
	bytes: 120,
} as const;

export const PROCESS = {
	ppid: 40,
	uid: 44,
	gid: 48,
	device: 52,
	inode: 56,
	parentStart: 64,
	pathLength: 72,
	argsLength: 74,
	flags: 76,
	comm: 80,
	parentComm: 96,
	path: 112,
	args: 624,
	exeHash: 1136,
	bytes: 1144,
} as const;

export const CGROUP = { pathLength: 40, flags: 44, path: 48, bytes: 560 } as const;

export const DNS_PORT = 53;
export const NAMES_PER_ADDRESS = 16;
export const NAME_MAX = 256;
export const METHOD_MAX = 16;
export const PATH_MAX = 256;
export const COMM_LENGTH = 16;
export const TEXT_MAX = 512;

export const CONTROL = { generation: 0, root: 4, lastWakeup: 8, announce: 16, daemonPid: 20, bytes: 24 } as const;
/** struct sp_name of the map `names`. */
export const NAME = { textLength: 0, labels: 2, claims: 4, label: 8, text: 136, bytes: 400 } as const;
export const LEARNED = { name: 0, expires: 128, address: 256, slots: 16, bytes: 272 } as const;
export const FLOW_KEY = { cookie: 0, remote: 8, remotePort: 24, protocol: 26, bytes: 32 } as const;
export const FLOW = {
	first: 0,
	last: 8,
	bytesOut: 16,
	bytesIn: 24,
	packetsOut: 32,
	packetsIn: 40,
	generation: 48,
	verdict: 52,
	flags: 53,
	localPort: 54,
	names: 56,
	halfSince: 88,
	halfDatagrams: 96,
	halfRead: 98,
	named: 99,
	bound: 100,
	bytes: 104,
} as const;
export const POLICY_HEAD = {
	magic: 0,
	layout: 4,
	generation: 8,
	mode: 16,
	rules: 24,
	hashKey: 32,
	slotsRow: 60,
	bytes: 128,
} as const;
/** What the program `judge` is asked, and its answer. */
export const JUDGE_REQUEST = {
	remote: 16,
	exeHash: 32,
	cgroup: 40,
	uid: 48,
	port: 52,
	protocol: 54,
	phase: 55,
	nameLength: 56,
	flags: 58,
	methodLength: 59,
	pathLength: 60,
	status: 62,
	nameHash: 64,
	generation: 72,
	rule: 76,
	alert: 78,
	action: 80,
	reason: 81,
	verdict: 82,
	name: 88,
	method: 344,
	path: 360,
	bytes: 616,
} as const;
/** What the parsers are asked (bpf/parse.h), and their answer. */
export const PARSE_REQUEST = {
	kind: 16,
	isTiming: 17,
	at: 20,
	end: 24,
	result: 28,
	hello: 29,
	isPending: 30,
	reader: 32,
	text: 80,
	http: 624,
	answer: 648,
	dns: 652,
	quic: 696,
	bytes: 712,
} as const;
/** struct sp_parse_dns. */
export const PARSE_DNS = { flags: 0, at: 8, ttl: 24, address: 28, bytes: 44 } as const;
/** struct sp_parse_quic. */
export const PARSE_QUIC = { cookie: 0, version: 8, way: 12, seen: 13, isNew: 14, bytes: 16 } as const;
/** struct sp_text. */
export const TEXT = {
	nameLength: 0,
	methodLength: 2,
	pathLength: 4,
	queryType: 6,
	queryId: 8,
	status: 10,
	flags: 12,
	name: 16,
	method: 272,
	path: 288,
	bytes: 544,
} as const;
export const HTTP_READER = {
	left: 0,
	head: 8,
	at: 10,
	state: 12,
	flags: 13,
	field: 14,
	reason: 15,
	bytes: 24,
} as const;
export const PARSE_STREAM = 1;
export const PARSE_QUIC_DATAGRAM = 2;
export const PARSE_DNS_MESSAGE = 3;
export const PARSE_HTTP = 4;
export const PARSE_ANSWER = 5;
export const HTTP_RESULT = { more: 0, request: 1, switched: 2, other: 3, broken: 4 } as const;
/** enum sp_http_reason, by number. */
export const httpReasons = [
	"fine",
	"too_long",
	"bad_line",
	"bad_control",
	"bad_field",
	"bad_host",
	"bad_length",
	"bad_chunk",
] as const;
export const READ_RESULT = { more: 0, hello: 1, other: 2, request: 3, over: 4, again: 5 } as const;
export const HELLO_RESULT = { cut: 0, named: 1, unnamed: 2, broken: 3, none: 4, unread: 5 } as const;
/** enum sp_quic_step. */
export const QUIC_STEP = {
	on: 0,
	end: 1,
	hello: 2,
	late: 3,
	half: 4,
	whole: 5,
	unread: 6,
	strange: 7,
	broken: 8,
} as const;
export const PARSE_DNS_RESULT = { question: 0, address: 1, end: 2, broken: 3 } as const;
/** What the program `teach` is told. */
export const TEACH_REQUEST = {
	address: 16,
	nameHash: 32,
	ttl: 40,
	nameLength: 44,
	learned: 46,
	name: 48,
	bytes: 304,
} as const;
/** enum sp_reader_kind, the first byte of a reader. */
export const readerNames = ["start", "tls", "ssl2", "cleartext", "http", "over"] as const;
export const JUDGE_LIVE = 1;
export const JUDGE_BOUND = 2;
export const JUDGE_NOT_DNS = 4;
export const POLICY_MAGIC = 0x50594c53;

/** Row of COUNT.decision for what mode observe allowed; the other rows are verdicts. */
export const ALLOWED_OBSERVING = 0;

/** Indexes of the map `counters`. */
export const COUNT = {
	decision: 0,
	decisionPhase: 64,
	decisionVerdict: 16,
	alert: 256,
	event: 260,
	lost: 276,
	mapFull: 292,
	packetsDenied: 308,
	bytesDenied: 309,
	noScratch: 310,
	answers: 311,
	learnedEvicted: 319,
	tcpBytesOut: 320,
	tcpBytesIn: 321,
	udpBytesOut: 322,
	udpBytesIn: 323,
	bytes: 336,
} as const;

export const RULE_SLOTS = 2048;
export const PHASES = 4;
