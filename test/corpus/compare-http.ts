import type { Request } from "../../src/replay/finding.ts";
import type { Expected, Row } from "./manifest.ts";
import { flowText, type Observation, type Observed } from "./observe.ts";
import { nameKey, type Outcome, pair } from "./outcome.ts";

type ExpectedRequest = Extract<Expected, { proto: "http" }>;
const NOTIFICATIONS: readonly string[] = ["NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE"];

/** Methods of RFC 9110, RFC 5789, WebDAV and its extensions, proxies, and RPC over HTTP. */
const METHODS_OF_TSHARK =
	/^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|B?(PROPFIND|PROPPATCH|COPY|MOVE|DELETE)|MKCOL|(UN)?LOCK|SEARCH|REPORT|UPDATE|MERGE|LABEL|POLL|VERSION-CONTROL|CHECKOUT|CHECKIN|UNCHECKOUT|MKWORKSPACE|BASELINE-CONTROL|MKACTIVITY|ORDERPATCH|ACL|RPC_CONNECT|RPC_(IN|OUT)_DATA|CCM_POST|SUBSCRIBE|UNSUBSCRIBE|NOTIFY)$/;

type ObservedRequest = Observed & { readonly finding: Request };

/** Each request must be found on its flow with its method and Host, and no other. Paths are compared where both have one. */
export function compareHttp(row: Row, { observed, gaps }: Observation): Outcome[] {
	const theirs = row.expected.filter((one): one is ExpectedRequest => one.proto === "http");
	const ours = observed.filter((one): one is ObservedRequest => one.finding.kind === "request");
	const found = pair(
		theirs,
		ours.filter(({ finding }) => !finding.isBroken && finding.version === 1),
		keyOfExpected,
		keyOfObserved,
	);
	const broken = new Set(ours.filter(({ finding }) => finding.isBroken).map(({ flow }) => flow));
	const outcome = (kind: Outcome["kind"], what: string, reason = ""): Outcome => ({
		protocol: "http",
		kind,
		what,
		reason,
	});
	return [
		...found.both.map(([one]) => outcome("agreed", keyOfExpected(one))),
		...found.theirs.map((one) => {
			const what = `${keyOfExpected(one)} ${one.uri} (frame ${one.frame})`;
			if (gaps.has(flowOf(one))) return outcome("uncovered", what, "the capture lacks bytes of the stream");
			if (broken.has(flowOf(one)))
				return outcome("uncovered", what, "a head that servers may read differently is refused");
			if (!ours.some(({ flow }) => flow === flowOf(one)))
				return outcome(
					"uncovered",
					what,
					"HTTP is read from the start of a connection or behind SOCKS, not behind something else",
				);
			return outcome("disagreed", what, "we find none");
		}),
		...found.ours.flatMap((one) => {
			if (!METHODS_OF_TSHARK.test(one.finding.method))
				return [outcome("uncovered", keyOfObserved(one), "a method that tshark does not know")];
			const what = `${keyOfObserved(one)} ${one.finding.path} (frame ${one.finding.packet.number})`;
			if (NOTIFICATIONS.includes(one.finding.method))
				return [outcome("uncovered", what, "tshark lists methods of UPnP events as notifications, not as requests")];
			if (gaps.has(one.flow))
				return [
					outcome("uncovered", what, "the capture lacks bytes of the stream, and we look for requests behind them"),
				];
			return isAllowed(one, row) ? [] : [outcome("disagreed", what, "tshark finds none")];
		}),
	];
}

function flowOf({ src, sport, dst, dport }: ExpectedRequest): string {
	return flowText(src, sport, dst, dport);
}

function keyOfExpected(one: ExpectedRequest): string {
	return `${flowOf(one)} ${one.method} ${host(nameOf(one))}`;
}

function keyOfObserved({ flow, finding }: ObservedRequest): string {
	return `${flow} ${finding.method} ${nameKey(finding.name)}`;
}

/** The name in the request target takes precedence over Host (RFC 9112 3.2.2). CONNECT has no other name. */
function nameOf({ method, uri, name }: ExpectedRequest): string | null {
	if (method === "CONNECT") return uri;
	return /^https?:\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(uri)?.[1] ?? name;
}

/** Without the port, which is not part of the name. */
function host(sent: string | null): string {
	return sent === null || sent === "" ? "(none)" : sent.toLowerCase().replace(/:\d*$/, "");
}

function isAllowed({ flow, finding }: ObservedRequest, { expected_extra: extra = [] }: Row): boolean {
	return extra.some(
		(one) =>
			one.proto === "http" && host(one.name) === nameKey(finding.name) && (one.flow === undefined || one.flow === flow),
	);
}
