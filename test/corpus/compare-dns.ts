import { addressText, packAddress } from "../../src/base/address.ts";
import type { Message } from "../../src/replay/finding.ts";
import type { Expected, ExpectedDns, Row } from "./manifest.ts";
import { flowText, type Observation, type Observed } from "./observe.ts";
import { type Outcome, pair } from "./outcome.ts";

type ExpectedMessage = Extract<Expected, { proto: "dns" }>;
type ObservedMessage = Observed & { readonly finding: Message };

const PORT = 53;
/** Length of the shortest headers [bytes]. */
const IP_AND_UDP = 28;
/** RFC 1035, 3596, 2782, 9460 and the others that the manifest names. */
const TYPES: Readonly<Record<string, number>> = {
	...{
		A: 1,
		NS: 2,
		CNAME: 5,
		SOA: 6,
		NULL: 10,
		PTR: 12,
		MX: 15,
		TXT: 16,
		AAAA: 28,
		SRV: 33,
		NAPTR: 35,
		DNAME: 39,
		OPT: 41,
	},
	...{ DS: 43, RRSIG: 46, NSEC: 47, DNSKEY: 48, SVCB: 64, HTTPS: 65, ANY: 255 },
};

/** Each message on port 53 must match in its questions, and each answer in its addresses. */
export function compareDns(row: Row, { observed, gaps }: Observation): Outcome[] {
	const theirs = row.expected.filter((one): one is ExpectedMessage => one.proto === "dns");
	const ours = observed.filter((one): one is ObservedMessage => one.finding.kind === "message");
	const found = pair(theirs, ours, keyOfExpected, keyOfObserved);
	const outcome = (kind: Outcome["kind"], what: string, reason = ""): Outcome => ({
		protocol: "dns",
		kind,
		what,
		reason,
	});
	const broken = new Map(ours.filter(({ finding }) => finding.isBroken).map((one) => [headOf(one), one]));
	return [
		...found.both.map(([one, other]) => {
			const [expected, given] = [addressesOf(one), other.finding.addresses.map(({ address }) => addressText(address))];
			if (one.malformed !== undefined || sameAddresses(one, expected, given))
				return outcome("agreed", keyOfExpected(one));
			return outcome(
				"disagreed",
				`${keyOfExpected(one)} (frame ${one.frame})`,
				`addresses: ${expected} against our ${given}`,
			);
		}),
		...found.theirs.map((one) => {
			const what = `${keyOfExpected(one)} (frame ${one.frame})`;
			if (one.sport !== PORT && one.dport !== PORT) return outcome("uncovered", what, "DNS is read on port 53");
			if (gaps.has(flowOf(one))) return outcome("uncovered", what, "the capture lacks bytes of the stream");
			if (one.malformed !== undefined) return outcome("uncovered", what, "tshark calls the message malformed");
			if (one.q.length === 0) return outcome("uncovered", what, "the message has no question");
			const other = broken.get(`${flowOf(one)} ${one.id} ${one.qr}`);
			// tshark's output for a name that it cannot decode: <Unknown extended label>, <Name too long>.
			if (other !== undefined && one.q.some(({ name }) => name.includes("<"))) return outcome("agreed", what);
			if (other !== undefined && pointsForward(other))
				return outcome(
					"uncovered",
					what,
					"a name that points forwards is refused (RFC 1035 4.1.4: a prior occurrence)",
				);
			if (other !== undefined) return outcome("disagreed", what, "we say that it is broken");
			return outcome("disagreed", what, "we find none");
		}),
		...found.ours.flatMap((one) => {
			const paired = found.theirs.some((each) => headOf(one) === `${flowOf(each)} ${each.id} ${each.qr}`);
			const isTold = row.expected_extra?.some(({ proto }) => proto === "dns") === true;
			// Other data on port 53 is reported as a message with unreadable questions.
			if (paired || isTold || one.finding.isBroken || one.finding.questions.length === 0) return [];
			return [outcome("disagreed", `${keyOfObserved(one)} (frame ${one.finding.packet.number})`, "tshark finds none")];
		}),
	];
}

/** True if the message, at any offset in its packet, has a compression pointer that does not point backwards. */
function pointsForward({ finding }: ObservedMessage): boolean {
	const { bytes } = finding.packet;
	const begin = bytes.indexOf(Buffer.from([finding.id >> 8, finding.id & 0xff]), IP_AND_UDP);
	for (let at = begin + 12; begin >= 0 && at + 1 < bytes.length; at++) {
		const word = bytes.readUInt16BE(at);
		if (word >= 0xc000 && (word & 0x3fff) >= at - begin && (word & 0x3fff) < bytes.length - begin) return true;
	}
	return false;
}

function flowOf({ src, sport, dst, dport }: ExpectedMessage): string {
	return flowText(src, sport, dst, dport);
}

function headOf({ flow, finding }: ObservedMessage): string {
	return `${flow} ${finding.id} ${finding.isAnswer ? 1 : 0}`;
}

function keyOfExpected(one: ExpectedMessage): string {
	const questions = one.q.map(({ name, type }) => `${plain(unescaped(name))} ${TYPES[type] ?? type}`);
	return `${flowOf(one)} ${one.id} ${one.qr} ${questions.join(", ")}`;
}

function keyOfObserved(one: ObservedMessage): string {
	const questions = one.finding.questions.map(({ name, type }) => `${plain(name === "" ? "." : name)} ${type}`);
	return `${headOf(one)} ${questions.join(", ")}`;
}

/** tshark writes control bytes of labels as \DDD, or as C does. */
function unescaped(name: string): string {
	return name.replace(/\\(\d{3}|[abfnrtv])/g, "\x01");
}

/** Names that are not host names have several notations, so each run of such bytes becomes one question mark. */
function plain(name: string): string {
	return name.toLowerCase().replace(/[^a-z0-9._-]+/g, "?");
}

function addressesOf({ an }: ExpectedDns): string[] {
	return an.flatMap(({ type, data }) => {
		const packed = (type === "A" || type === "AAAA") && typeof data === "string" ? packAddress(data) : null;
		return packed === null ? [] : [addressText(packed)];
	});
}

/** Address hints of SVCB records are addresses too, but the manifest does not list them. */
function sameAddresses({ an }: ExpectedDns, expected: readonly string[], given: readonly string[]): boolean {
	const hasHints = an.some(({ type }) => type === "HTTPS" || type === "SVCB");
	const left = [...given];
	for (const each of expected) {
		const at = left.indexOf(each);
		if (at < 0) return false;
		left.splice(at, 1);
	}
	return hasHints || left.length === 0;
}
