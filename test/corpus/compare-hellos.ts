import type { Hello } from "../../src/replay/finding.ts";
import type { Allowed, Expected, Row } from "./manifest.ts";
import { flowText, type Observation, type Observed } from "./observe.ts";
import { nameKey, type Outcome, pair } from "./outcome.ts";

type ExpectedHello = Extract<Expected, { proto: "tls" | "quic" }>;
type ObservedHello = Observed & { readonly finding: Hello };

/** QUIC versions that are read: RFC 9000, RFC 9369. */
const VERSIONS: readonly string[] = ["0x00000001", "0x6b3343cf"];

/** Hellos of one protocol: each name at its flow, and none besides. */
export function compareHellos(row: Row, { observed, gaps }: Observation, proto: "tls" | "quic"): Outcome[] {
	const theirs = row.expected.filter((one): one is ExpectedHello => one.proto === proto);
	const ours = observed.filter(
		(one): one is ObservedHello => one.finding.kind === "hello" && one.finding.via === proto,
	);
	const found = pair(theirs, ours, keyOfExpected, keyOfObserved);
	// What no name can be read of is the same as a hello without one.
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
		...[...found.both, ...nameless.both].map(([one]) => outcome("agreed", keyOfExpected(one))),
		...missing.map((one) => {
			const flow = flowOf(one);
			const what = `${keyOfExpected(one)} (frame ${one.frame})`;
			if (isSanityRead(one, row, ours)) return outcome("agreed", what);
			if (one.proto === "quic" && !VERSIONS.includes(one.version))
				return outcome("uncovered", what, `QUIC version ${one.version} is judged as quic_unread`);
			if (gaps.has(flow)) return outcome("uncovered", what, "the capture lacks bytes of the stream");
			const how = unread.get(flow);
			return outcome("disagreed", what, how === undefined ? "we find none" : `we say that it is ${how}`);
		}),
		...extra.flatMap((one) => {
			const what = `${keyOfObserved(one)} (frame ${one.finding.packet.number})`;
			if (one.isSsl2) return [outcome("uncovered", what, "a hello in the format of SSL 2, which tshark does not list")];
			if (one.finding.how === "cut")
				return [outcome("uncovered", what, "a hello that never ends, which tshark does not list")];
			const isTold = isAllowed(one, row, proto) || isReadBySanity(one, row);
			if (isTold || missing.some((each) => flowOf(each) === one.flow && isUnread(one))) return [];
			return [outcome("disagreed", what, "tshark finds none")];
		}),
	];
}

/** It contradicts itself, or never ended. */
function isUnread({ finding }: ObservedHello): boolean {
	return finding.how === "broken" || finding.how === "cut";
}

/** A second parser reads it otherwise than tshark, and so do we. */
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
	if (process.env.DBG && finding.via==='quic' && finding.how!=='named') console.log('DBG', flow, finding.how, finding.version?.toString(16), finding.packet.number);
	return `${flow} ${isUnread(one) ? `(${finding.how})` : nameKey(finding.name)}`;
}

/** Upstream says so, or a parse by others than tshark. */
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
