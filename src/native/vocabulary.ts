/** Names by number, as people see them in records, filters and metrics. */
export const eventNames = [
	null,
	"connect",
	"question",
	"hello",
	"answer",
	"end",
	"process",
	"cgroup",
	"request",
] as const;
export const phaseNames = ["dns", "connect", "tls", "http"] as const;
export const verdictNames = [null, "allow", "deny", "would_deny"] as const;
export const hookNames = [null, "connect", "sendmsg", "egress", "ingress", "release"] as const;
export const endNames = [null, "local", "remote", "reset", "refused", "denied", "idle"] as const;
export const reasonNames = [
	null,
	"rule",
	"default",
	"resolver",
	"inbound",
	"kernel",
	"name_unbound",
	"name_missing",
	"name_bad",
	"incomplete",
	"not_tls",
	"unreadable",
	"no_policy",
	"no_room",
	"quic_unread",
] as const;
export const mapNames = [
	"names",
	"learned",
	"questions",
	"processes",
	"cgroups",
	"flows",
	"sockets",
	"dns_answers",
] as const;
export const answerNames = [
	"learned",
	"unasked",
	"untrusted",
	"mismatch",
	"broken",
	"empty",
	"truncated",
	"capped",
] as const;

export type PhaseName = (typeof phaseNames)[number];
export type VerdictName = Exclude<(typeof verdictNames)[number], null>;
export type ReasonName = Exclude<(typeof reasonNames)[number], null>;
export type EndName = Exclude<(typeof endNames)[number], null>;
export type HookName = Exclude<(typeof hookNames)[number], null>;
