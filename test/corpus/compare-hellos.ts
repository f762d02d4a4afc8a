import type { Hello } from "../../src/replay/finding.ts";
import type { Allowed, Expected, Row } from "./manifest.ts";
import { flowText, type Observation, type Observed } from "./observe.ts";
import { nameKey, type Outcome, pair } from "./outcome.ts";

type ExpectedHello = Extract<Expected, { proto: "tls" | "quic" }>;
type ObservedHello = Observed & { readonly finding: Hello };

/** ClientHellos of one protocol: each name must be found on its flow, and no other. */
export function compareHellos(row: Row, { observed, gaps }: Observation, proto: "tls" | "quic"): Outcome[] {
	const theirs = row.expected.filter((one): one is ExpectedHello => one.proto === proto);
	const ours = observed.filter(
		(one): one is ObservedHello => one.finding.kind === "hello" && one.finding.via === proto,
	);
	const found = pair(theirs, ours, keyOfExpected, keyOfObserved);
	const agreed = new Set(found.both.map(([one]) => keyOfExpected(one)));
	// A hello whose name is unreadable counts as a hello without a name.
	const nameless = pair(
		found.theirs.filter(({ name }) => name === null),
		found.ours.filter(isUnread),
		flowOf,
		({ flow }) => flow,
	);
	const outcome = (kind: Outcome["kind"], what: string, reason = ""): Outcome => ({
		protocol: proto,
		kind,
		what,
		reason,
	});
	const unread = new Map(found.ours.filter(isUnread).map((one) => [one.flow, one.finding.how]));
	const missing = found.theirs.filter((one) => !nameless.both.some(([paired]) => paired === one));
	const extra = found.ours.filter((one) => !nameless.both.some(([, paired]) => paired === one));
	return [
		...(proto === "quic" ? compareGoogle(row) : []),
		...[...found.both, ...nameless.both].map(([one]) => outcome("agreed", keyOfExpected(one))),
		...missing.map((one) => {
			const flow = flowOf(one);
			const what = `${keyOfExpected(one)} (frame ${one.frame})`;
			if (isSanityRead(one, row, ours)) return outcome("agreed", what);
			// tshark lists retransmitted datagrams, the parser reports each ClientHello once.
			if (proto === "quic" && agreed.has(keyOfExpected(one))) return outcome("agreed", what);
			if (gaps.has(flow)) return outcome("uncovered", what, "the capture lacks bytes of the stream");
			const how = unread.get(flow);
			return outcome("disagreed", what, how === undefined ? "we find none" : `we say that it is ${how}`);
		}),
		...extra.flatMap((one) => {
			const what = `${keyOfObserved(one)} (frame ${one.finding.packet.number})`;
			if (one.isSsl2) return [outcome("uncovered", what, "a hello in the format of SSL 2, which tshark does not list")];
			if (one.finding.how === "cut")
				return [outcome("uncovered", what, "a hello that never ends, which tshark does not list")];
			const reason = proto === "quic" ? whyUnlisted(one) : null;
			// After Retry the same hello is sent again with another connection id and so with other keys.
			if (proto === "quic" && agreed.has(keyOfObserved(one))) return [];
			if (reason !== null) return [outcome("uncovered", what, reason)];
			const isTold = isAllowed(one, row, proto) || isReadBySanity(one, row);
			if (isTold || missing.some((each) => flowOf(each) === one.flow && isUnread(one))) return [];
			return [outcome("disagreed", what, "tshark finds none")];
		}),
	];
}

/** The hello contradicts itself, is incomplete, or cannot be parsed. */
function isUnread({ finding }: ObservedHello): boolean {
	return finding.how !== "named" && finding.how !== "unnamed";
}

/** Reason why tshark cannot list this QUIC hello; null: it should have listed it. */
function whyUnlisted(one: ObservedHello): string | null {
	const { finding } = one;
	if (finding.how === "unread") return "a version that nobody reads any more, or no QUIC: judged as quic_unread";
	if (finding.how === "strange") return "packets that no keys fit, or that contradict each other: refused";
	// The name is right: if the parser had misread it, the name that tshark lists would be missing.
	return isUnread(one) ? null : "a hello of a packet whose tag fits, which tshark does not list";
}

/** Google QUIC, before it used TLS. */
function compareGoogle(row: Row): Outcome[] {
	return row.expected.flatMap((one) => {
		if (one.proto !== "gquic") return [];
		const what = `${flowText(one.src, one.sport, one.dst, one.dport)} ${one.name} (frame ${one.frame})`;
		const outcome = { protocol: "quic", what } as const;
		return [
			{ ...outcome, kind: "uncovered", reason: `Google's QUIC ${one.version || "without a version"} is not read` },
		];
	});
}

/** A second parser disagrees with tshark and agrees with ours. */
function isSanityRead(
	{ frame, src, sport, dst, dport }: ExpectedHello,
	row: Row,
	ours: readonly ObservedHello[],
): boolean {
	const other = row.sanity_differs?.find((one) => one.frame === frame);
	if (other === undefined) return false;
	const key = `${flowText(src, sport, dst, dport)} ${other.sanity?.toLowerCase() ?? "(none)"}`;
	return ours.some((one) => keyOfObserved(one) === key);
}

function isReadBySanity({ finding }: ObservedHello, row: Row): boolean {
	return (
		row.sanity_differs?.some(({ sanity }) => nameKey(finding.name) === (sanity?.toLowerCase() ?? "(none)")) === true
	);
}

function flowOf({ src, sport, dst, dport }: ExpectedHello): string {
	return flowText(src, sport, dst, dport);
}

function keyOfExpected(one: ExpectedHello): string {
	return `${flowOf(one)} ${one.name === null || one.name === "" ? "(none)" : one.name.toLowerCase()}`;
}

function keyOfObserved(one: ObservedHello): string {
	const { flow, finding } = one;
	return `${flow} ${isUnread(one) ? `(${finding.how})` : nameKey(finding.name)}`;
}

/** Documented upstream, or by another parser than tshark. */
function isAllowed({ flow, finding }: ObservedHello, row: Row, proto: string): boolean {
	const allowed = [...(row.expected_extra ?? []), ...(proto === "tls" ? (row.tls_not_shown_by_tshark ?? []) : [])];
	return allowed.some(
		(one) => one.proto === proto && nameKey(finding.name) === (one.name?.toLowerCase() ?? "(none)") && isAt(one, flow),
	);
}

function isAt({ flow, src, sport }: Allowed, at: string): boolean {
	if (flow !== undefined) return flow === at;
	return src === undefined || at.startsWith(`${src}:${sport} `);
}
