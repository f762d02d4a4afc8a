import { expect, test } from "vitest";
import { RecentRecords } from "../../../src/answers/recent.ts";
import { ForwardLookup } from "../../../src/connections/forward-lookup.ts";
import type { HistoryRecord } from "../../../src/records/contract.ts";
import { csvHeader, csvRow } from "../../../src/records/csv.ts";
import { viewer } from "../../../src/records/view.ts";
import { decision, describeProcess, made } from "../store/fixture.ts";

/** A record in which every field has a value, and every scalar a different one. */
async function fullRecord(): Promise<HistoryRecord> {
	const connection = made({
		id: Date.UTC(2026, 0, 31) * 1000,
		container: "0123456789ab",
		rule: { group: "web", name: "api" },
	});
	connection.decide(decision(2, { group: "web", name: "no-upload" }, 3));
	connection.alert({ group: "watch", name: "odd" });
	connection.request = { method: "POST", host: "api.example.com", path: "/v1?x=1", status: 403 };
	connection.requests = 7;
	connection.rttUs = 1_234;
	connection.retransmits = 5;
	connection.ech = true;
	const view = viewer(describeProcess);
	const recent = new RecentRecords({
		connections: () => [connection],
		names: new ForwardLookup(1),
		describe: describeProcess,
		view,
	});
	const record = await recent.get(connection.id);
	if (record === null) throw new Error("no record");
	return {
		...record,
		encryptedDns: "doh",
		query: { type: "AAAA", outcome: "answered", addresses: ["192.0.2.9", "2001:db8::9"] },
	};
}

/** Every scalar of a record, at any depth. */
function scalars(value: unknown): string[] {
	if (value === null || value === undefined) throw new Error("a field of the full record has no value");
	if (typeof value !== "object") return [String(value)];
	return Object.values(value).flatMap(scalars);
}

test("a row has every value of a record, nested ones too", async () => {
	const record = await fullRecord();
	const row = csvRow(record);
	expect(scalars(record).filter((text) => !row.includes(text))).toEqual([]);
	expect(row.trimEnd().split(",")).toHaveLength(csvHeader().trimEnd().split(",").length);
});

test("names of columns are distinct, and those of the nested fields are known", async () => {
	const names = csvHeader().trimEnd().split(",");
	expect(new Set(names).size).toBe(names.length);
	const row = csvRow(await fullRecord());
	const decisions =
		/"connect: allow by rule web\/api \(generation 3\); http: deny by rule web\/no-upload \(generation 3\)"/;
	expect(row).toMatch(decisions);
	for (const name of ["httpMethod", "httpStatus", "rttUs", "retransmits", "encryptedHello", "decisions", "ppid"])
		expect(names).toContain(name);
});

test("a field that a record lacks is an empty cell", async () => {
	const record = { ...(await fullRecord()), http: null, query: null, process: null };
	const cells = (
		csvRow(record)
			.trimEnd()
			.match(/("[^"]*"|[^,]*)(,|$)/g) ?? []
	).slice(0, -1);
	const names = csvHeader().trimEnd().split(",");
	for (const name of ["httpMethod", "queryType", "pid", "user"]) expect(cells[names.indexOf(name)], name).toBe(",");
});
