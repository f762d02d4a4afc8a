/** How each DNS question ended: in the record, as a filter, and counted. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { DNS4, ROGUE4 } from "../support/addresses.ts";
import { framed, type QTYPES, question } from "../support/dns-message.ts";
import { policy } from "../support/policies.ts";
import { Stage } from "../support/stage.ts";
import { ZONE } from "../support/zones.ts";

const TEXT = "x".repeat(250);
let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(
		policy({
			rules: [
				{ name: "no", action: "deny", to: { domain: "denied.test" } },
				{ name: "rogue", to: { cidr: `${ROGUE4}/32` } },
			],
		}),
	);
	await stage.world.server.zone({
		...ZONE,
		"text.good.test": [{ type: "TXT", data: "a text" }],
		"long.good.test": [TEXT, TEXT, TEXT].map((data) => ({ type: "TXT", data })),
		"service.good.test": [{ type: "HTTPS", data: "1 . ipv4hint=198.19.1.2" }],
	});
});
afterAll(() => stage?.close());

interface Row {
	readonly name: string;
	readonly query: { readonly type: string; readonly outcome: string | null };
}
const rows = async (filter: string) =>
	(await stage.daemon.get<{ connections: Row[] }>(`/v1/connections?kind=dns&limit=100&${filter}`)).connections;

const CASES: readonly (readonly [name: string, type: keyof typeof QTYPES, outcome: string | null, via?: "tcp"])[] = [
	["www.good.test", "A", "answered"],
	["text.good.test", "TXT", "answered"],
	["service.good.test", "HTTPS", "answered"],
	["four.good.test", "AAAA", "nodata"],
	["nobody.test", "A", "nxdomain"],
	["rcode-2.test", "A", "servfail"],
	["rcode-5.test", "AAAA", "refused", "tcp"],
	["rcode-4.test", "A", "other"],
	["long.good.test", "TXT", "truncated"],
	["silent.test", "A", "none"],
	["denied.test", "A", null],
];

test("the record of each question has its outcome, which filters and counts show too", async () => {
	const counted = () =>
		Promise.all(OUTCOMES.map((outcome) => stage.metric("sallyport_dns_outcomes_total", `outcome="${outcome}"`)));
	const before = await counted();
	for (const [name, type, , via = "udp"] of CASES) {
		const message = question(1, [{ name, type }]);
		const bytes = via === "tcp" ? framed(message) : message;
		await stage.dns({ via, server: DNS4, messages: [bytes.toString("hex")], answers: 1, patience: 500 });
	}
	for (const [name, type, outcome] of CASES) {
		expect(await rows(`name=${name}`), name).toMatchObject([{ query: { type, outcome } }]);
		if (outcome !== null) expect((await rows(`outcome=${outcome}`)).map((row) => row.name)).toContain(name);
	}
	const after = await counted();
	expect(after.map((count, i) => count - (before[i] ?? 0))).toEqual([3, 1, 1, 1, 1, 1, 1]);
	expect((await rows("not-outcome=answered")).map(({ name }) => name)).not.toContain("www.good.test");
});
const OUTCOMES = ["answered", "nodata", "nxdomain", "servfail", "refused", "other", "truncated"] as const;

test("the response of a resolver that is not trusted counts, and that of another resolver does not", async () => {
	const message = question(1, [{ name: "rogue.test" }]).toString("hex");
	await stage.dns({ via: "udp", server: ROGUE4, messages: [message], answers: 1, patience: 500 });
	expect(await rows("name=rogue.test")).toMatchObject([{ query: { outcome: "nxdomain" } }]);
});
