/**
 * Generated from the BTF of the BPF object by `npm run build`. Do not edit. The sources are bpf/wire/layout.h, the
 * headers that it includes, and scripts/layout/.
 */
// biome-ignore-all format: the lines are filled

/** struct sp_head: offsets and size [bytes]. */
export const HEAD = {
	size: 0, type: 2, version: 3, tgid: 4, time: 8, cookie: 16, start: 24, cgroup: 32, bytes: 40,
} as const;

/** struct sp_decision: offsets and size [bytes]. */
export const DECISION = {
	uid: 40, generation: 44, rule: 48, alert: 50, phase: 52, verdict: 53, reason: 54, hook: 55, remote: 56, local: 72,
	remotePort: 88, localPort: 90, protocol: 92, action: 93, nameLength: 94, nameHash: 96, netns: 104, comm: 112,
	bytes: 136,
} as const;

/** struct sp_named: offsets and size [bytes]. */
export const NAMED = { queryType: 136, queryId: 138, flags: 140, name: 144, bytes: 400 } as const;

/** struct sp_request: offsets and size [bytes]. */
export const REQUEST = {
	flags: 136, status: 140, pathLength: 142, methodLength: 144, name: 152, method: 408, path: 424, bytes: 680,
} as const;

/** struct sp_answer: offsets and size [bytes]. */
export const ANSWER = {
	nameHash: 40, ttl: 48, flags: 52, address: 56, resolver: 72, netns: 88, queryType: 96, queryId: 98, outcome: 100,
	bytes: 104,
} as const;

/** struct sp_end: offsets and size [bytes]. */
export const FLOW_END = {
	bytesOut: 40, bytesIn: 48, packetsOut: 56, packetsIn: 64, remote: 72, local: 88, remotePort: 104, localPort: 106,
	protocol: 108, how: 109, state: 110, rttUs: 112, retransmits: 116, bytes: 120,
} as const;

/** struct sp_process: offsets and size [bytes]. */
export const PROCESS = {
	ppid: 40, uid: 44, gid: 48, dev: 52, inode: 56, parentStart: 64, pathLength: 72, argsLength: 74, flags: 76,
	comm: 80, parentComm: 96, path: 112, args: 624, exeHash: 1136, bytes: 1144,
} as const;

/** struct sp_cgroup: offsets and size [bytes]. */
export const CGROUP = { pathLength: 40, namedLength: 42, flags: 44, path: 48, bytes: 560 } as const;

/** struct sp_control: offsets and size [bytes]. */
export const CONTROL = {
	generation: 0, root: 4, lastWakeup: 8, announce: 16, daemonPid: 20, firstEnd: 24, bytes: 32,
} as const;

/** struct sp_name: offsets and size [bytes]. */
export const NAME = { textLength: 0, labels: 2, label: 8, text: 136, bytes: 392 } as const;

/** struct sp_learned: offsets and size [bytes]. */
export const LEARNED = { name: 0, expires: 128, asker: 256, flags: 320, key: 336, bytes: 360 } as const;

/** struct sp_learned_key: offsets and size [bytes]. */
export const LEARNED_KEY = { netns: 0, address: 8, bytes: 24 } as const;

/** struct sp_flow_key: offsets and size [bytes]. */
export const FLOW_KEY = { cookie: 0, remote: 8, remotePort: 24, protocol: 26, bytes: 32 } as const;

/** struct sp_flow: offsets and size [bytes]. */
export const FLOW = {
	first: 0, last: 8, bytesOut: 16, bytesIn: 24, packetsOut: 32, packetsIn: 40, epoch: 48, verdict: 52, flags: 53,
	localPort: 54, names: 56, halfSince: 88, halfDatagrams: 96, halfRead: 98, named: 99, bound: 100, bytes: 104,
} as const;

/** struct sp_share: offsets and size [bytes]. */
export const SHARE = { since: 0, throttled: 8, cgroup: 16, ordinary: 24, denials: 28, bytes: 32 } as const;

/** struct sp_policy_head: offsets and size [bytes]. */
export const POLICY_HEAD = {
	magic: 0, layout: 4, generation: 8, flags: 12, mode: 16, binding: 17, defaults: 18, denyErrno: 22, rules: 24,
	words: 26, shapes: 28, unread: 30, hashKey: 32, ttlFloor: 48, ttlGrace: 52, shapesRow: 56, slotsRow: 60,
	vectorsRow: 64, tableRow: 68, tableMask: 72, rows: 76, pathsRow: 80, patternsRow: 84, statusRow: 88, pathWords: 92,
	pathPatterns: 94, alwaysRow: 96, endsRow: 100, firstEnd: 104, left: 112, bytes: 128,
} as const;

/** struct sp_policy_trees: offsets and size [bytes]. */
export const POLICY_TREES = { base: 0, depth: 108, bytes: 128 } as const;

/** struct sp_slot: offsets and size [bytes]. */
export const SLOT = { hash: 0, vector: 8, leases: 12, bytes: 16 } as const;

/** struct sp_path_pattern: offsets and size [bytes]. */
export const PATH_PATTERN = { state: 0, query: 2, vector: 4, bytes: 8 } as const;

/** struct sp_judge_request: offsets and size [bytes]. */
export const JUDGE_REQUEST = {
	remote: 16, exeHash: 32, cgroup: 40, uid: 48, remotePort: 52, protocol: 54, phase: 55, nameLength: 56, flags: 58,
	methodLength: 59, pathLength: 60, status: 62, netns: 64, nameHash: 72, generation: 80, rule: 84, alert: 86,
	action: 88, reason: 89, verdict: 90, name: 96, method: 352, path: 368, bytes: 624,
} as const;

/** struct sp_learn_request: offsets and size [bytes]. */
export const LEARN_REQUEST = {
	address: 16, netns: 32, cgroup: 40, nameHash: 48, ttl: 56, nameLength: 60, learned: 62, name: 64, bytes: 320,
} as const;

/** struct sp_parse_request: offsets and size [bytes]. */
export const PARSE_REQUEST = {
	kind: 16, isTiming: 17, at: 20, end: 24, result: 28, hello: 29, isPending: 30, hidesHello: 31, reader: 32,
	text: 360, http: 904, answer: 928, dns: 932, quic: 976, bytes: 992,
} as const;

/** struct sp_parse_dns: offsets and size [bytes]. */
export const PARSE_DNS = {
	flags: 0, questions: 2, records: 4, begun: 6, part: 7, at: 8, dataEnd: 12, hintEnd: 16, key: 20, ttl: 24,
	address: 28, bytes: 44,
} as const;

/** struct sp_parse_quic: offsets and size [bytes]. */
export const PARSE_QUIC = { cookie: 0, version: 8, way: 12, seen: 13, isNew: 14, bytes: 16 } as const;

/** struct sp_reader: offsets and size [bytes]. */
export const READER = {
	kind: 0, isCleartext: 1, prefix: 2, isTunnel: 8, hidesHello: 9, peer: 10, isWatched: 11, watched: 12, scan: 16,
	bytes: 328,
} as const;

/** struct sp_text: offsets and size [bytes]. */
export const TEXT = {
	nameLength: 0, methodLength: 2, pathLength: 4, queryType: 6, queryId: 8, status: 10, flags: 12, name: 16,
	method: 272, path: 288, bytes: 544,
} as const;

/** struct sp_http_reader: offsets and size [bytes]. */
export const HTTP_READER = {
	left: 0, head: 8, at: 10, state: 12, flags: 13, field: 14, reason: 15, kept: 16, bytes: 24,
} as const;

/** enum sp_event_type. */
export const EVENT = {
	connect: 1, question: 2, hello: 3, answer: 4, end: 5, process: 6, cgroup: 7, request: 8,
} as const;

/** enum sp_phase. */
export const PHASE = { dns: 0, connect: 1, tls: 2, http: 3 } as const;
export const PHASES = 4;

/** enum sp_verdict. */
export const VERDICT = { allow: 1, deny: 2, wouldDeny: 3 } as const;
export const VERDICTS = 4;

/** enum sp_hook. */
export const HOOK = { connect: 1, sendmsg: 2, egress: 3, ingress: 4, release: 5 } as const;

/** enum sp_reason. */
export const REASON = {
	rule: 1, default: 2, resolver: 3, inbound: 4, kernel: 5, nameUnbound: 6, nameMissing: 7, nameBad: 8, incomplete: 9,
	notTls: 10, unreadable: 11, noPolicy: 12, noRoom: 13, quicUnread: 14, unread: 15, nameExpired: 16, nameCapped: 17,
} as const;
export const REASONS = 32;

/** enum sp_end_how. */
export const END = { local: 1, remote: 2, reset: 3, refused: 4, denied: 5, idle: 6 } as const;

/** enum sp_protocol. */
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 } as const;

/** enum sp_hello_flag. */
export const HELLO_FLAG = { ech: 1, earlyData: 2 } as const;

/** enum sp_request_flag. */
export const REQUEST_FLAG = {
	connect: 256, absolute: 512, upgrade: 1024, twoNames: 2048, h2c: 4096, broken: 8192,
} as const;

/** enum sp_cgroup_flag. */
export const CGROUP_FLAG = { unknown: 1 } as const;

/** enum sp_outcome. */
export const OUTCOME = {
	none: 1, answered: 2, nodata: 3, nxdomain: 4, servfail: 5, refused: 6, truncated: 7, other: 8,
} as const;

/** enum sp_answer_flag. */
export const ANSWER_FLAG = { empty: 8, untrusted: 1, capped: 2, local: 4 } as const;

/** enum sp_flow_flag. */
export const FLOW_FLAG = {
	inbound: 1, reported: 2, nameDenied: 4, mustBeNamed: 8, unread: 16, evicted: 32, local: 64,
} as const;

/** enum sp_judge_flag. */
export const JUDGE_FLAG = { live: 1, bound: 2, notDns: 4, unread: 8 } as const;

/** enum sp_counter. */
export const COUNT = {
	decision: 0, alert: 512, event: 516, lost: 532, mapFull: 548, packetsDenied: 564, bytesDenied: 565, noScratch: 566,
	answers: 567, tcpBytesOut: 576, tcpBytesIn: 577, udpBytesOut: 578, udpBytesIn: 579, learnedEvicted: 580,
	throttled: 581,
} as const;
export const COUNTERS = 592;

/** enum sp_answer_count. */
export const ANSWER_COUNT = {
	learned: 0, unasked: 1, untrusted: 2, mismatch: 3, broken: 4, empty: 5, truncated: 6, capped: 7, local: 8,
} as const;

/** enum sp_map_id. */
export const MAP_ID = {
	names: 0, learned: 1, questions: 2, processes: 3, cgroups: 4, flows: 5, sockets: 6, dnsAnswers: 7, targets: 8,
	programs: 9, covered: 10, claims: 11,
} as const;

/** enum sp_mode. */
export const MODE = { observe: 1, enforce: 2 } as const;

/** enum sp_binding. */
export const BINDING = { strict: 1, sni: 2 } as const;

/** enum sp_policy_flag. */
export const POLICY_FLAG = {
	names: 1, exe: 2, user: 4, cgroup: 8, from: 14, method: 16, path: 32, query: 64, status: 128, placed: 256,
} as const;

/** enum sp_tree. */
export const TREE = { v4: 0, ports: 1, v6: 2 } as const;
export const TREES = 3;

/** enum sp_vector. */
export const VECTOR = {
	none: 0, phase: 1, alert: 5, allow: 6, named: 7, unnamed: 8, anyExe: 9, anyUser: 10, anyUnit: 11, anyContainer: 12,
	anyCgroup: 13, anyMethod: 14, anyPath: 15, anyStatus: 16, placed: 17, fixed: 18,
} as const;

/** enum sp_always. */
export const ALWAYS = { phase: 0, alert: 8, allow: 10, unnamed: 12 } as const;

/** enum sp_parse_kind. */
export const PARSE_KIND = { stream: 1, quic: 2, dns: 3, http: 4, answer: 5, dtls: 6 } as const;

/** enum sp_reader_kind. */
export const READER_KIND = { start: 0, tls: 1, ssl2: 2, cleartext: 3, http: 4, over: 5 } as const;

/** enum sp_read_result. */
export const READ_RESULT = { more: 0, hello: 1, other: 2, request: 3, over: 4, again: 5 } as const;

/** enum sp_hello_result. */
export const HELLO_RESULT = { cut: 0, named: 1, unnamed: 2, broken: 3, none: 4, unread: 5 } as const;

/** enum sp_quic_step. */
export const QUIC_STEP = {
	on: 0, end: 1, hello: 2, late: 3, half: 4, whole: 5, unread: 6, strange: 7, broken: 8,
} as const;

/** enum sp_parse_dns_result. */
export const PARSE_DNS_RESULT = { question: 0, address: 1, end: 2, broken: 3 } as const;

/** enum sp_http_result. */
export const HTTP_RESULT = { more: 0, request: 1, switched: 2, other: 3, broken: 4 } as const;

/** enum sp_http_reason. */
export const HTTP_REASON = {
	fine: 0, tooLong: 1, badLine: 2, badControl: 3, badField: 4, badHost: 5, badLength: 6, badChunk: 7,
} as const;

/** enum sp_constant. */
export const LAYOUT_VERSION = 8;
export const NO_RULE = 65535;
export const NAME_MAX = 256;
export const METHOD_MAX = 16;
export const PATH_MAX = 256;
export const COMM_LENGTH = 16;
export const TEXT_MAX = 512;
export const DNS_PORT = 53;
export const NAMES_PER_ADDRESS = 16;
export const IDS_UNITS_MAX = 8;
export const IDS_PATHS_MAX = 16;
export const RULE_SLOTS = 2048;
export const POLICY_MAGIC = 1348029523;
export const ROW = 128;
export const RULES_MAX = 1024;
export const SHAPES_MAX = 64;
export const LABELS_MAX = 16;
export const PROBE = 4;
export const TREE_LEVELS = 9;
export const PATH_STATES = 1024;
export const PATH_BEGIN = 0;
export const PATH_MANY = 1;
export const PATH_ONE = 2;
export const PATH_CHARS = 3;
export const PATH_ROWS = 259;
export const STATUS_MAX = 1024;
export const ENDS_MAX = 256;

/** Names of the maps. */
export const MAPS = [
	"awaited", "begun", "cgroups", "claims", "control", "counters", "covered", "dns_answers", "dns_sockets", "events",
	"flows", "learned", "names", "passed", "policy", "processes", "programs", "questions", "quic_readings", "quics",
	"resolvers", "rules", "scratch", "shares", "sockets", "suffixes", "targets", "texts", "user_cgroups",
] as const;
