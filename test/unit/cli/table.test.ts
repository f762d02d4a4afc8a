/** Tables at the widths of real terminals: shortened cells, omitted columns, and the user's choice of columns. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { liveConnectionTable, recordTable } from "../../../src/cli/connection-table.ts";
import type { Output } from "../../../src/cli/deps.ts";
import { cutEnd, cutEndpoint, cutMiddle, displayWidth } from "../../../src/cli/display-width.ts";
import { headerLine, layOut, liveTable, rowLine, type TableOptions, tableLines } from "../../../src/cli/table.ts";
import { harmless } from "../../../src/cli/text.ts";
import { VERDICT } from "../../../src/native/layout.ts";
import type { ConnectionView } from "../../../src/records/view.ts";
import { connect, processEvent } from "../support/events.ts";
import { TableHarness } from "../support/table-harness.ts";

const WIDTHS = [60, 80, 100, 120, 160];

function view(change: Partial<ConnectionView> = {}): ConnectionView {
	const harness = new TableHarness();
	harness.feed(processEvent(), connect({ cookie: 1n, verdict: VERDICT.deny }));
	return { ...harness.only(), id: 1_234_567_890_123_456, unit: "agent.service", ...change };
}

const LONG = [
	view(),
	view({ verdict: "would_deny", name: "a-long-label.another-long-label.eu-central-1.compute.example.com" }),
	view({ remote: "2001:db8:1111:2222:3333:4444:5555:6666", remotePort: 65_535 }),
	view({
		protocol: "udp",
		remote: "198.51.100.253",
		remotePort: 53,
		kind: "dns",
		name: "日本語.例え.テスト.example.com",
	}),
	view({
		group: "a-group",
		rule: "a-rule-with-a-long-name",
		name: "x\u202egnp.\x1b[2Jexe",
		unit: "\u202e\u0007".repeat(9),
	}),
];

function output(width: number, terminal = true): Output & { text: string } {
	return {
		...{ text: "", terminal, colours: false, width: () => width, height: () => 30 },
		...{ onClosed: () => {}, onResize: () => () => {} },
		write(text) {
			this.text += text;
			return true;
		},
	};
}

function titles(header: string | undefined): string[] {
	return (header ?? "").trim().split(/ +/);
}

describe.each(WIDTHS)("at %i columns", (width) => {
	test.each([
		["records", (options: TableOptions) => tableLines(recordTable(), options, output(width), LONG)],
		[
			"live",
			(options: TableOptions) => {
				const out = output(width);
				const write = liveTable(liveConnectionTable(), options, out);
				for (const each of LONG) write(each);
				return out.text.trimEnd().split("\n");
			},
		],
	])("%s: no line is wider, and each keeps its port, its verdict and its time", (_, lines) => {
		const [header, ...rows] = lines({});
		for (const line of [header ?? "", ...rows]) expect(displayWidth(line), line).toBeLessThanOrEqual(width);
		expect(titles(header)).toEqual(expect.arrayContaining(["DESTINATION", "NAME", "VERDICT", "PROCESS"]));
		for (const [at, { remotePort, verdict }] of LONG.entries()) {
			expect(rows[at]).toMatch(new RegExp(`\\S:${remotePort} `));
			expect(rows[at]).toContain(verdict.replace("_", " "));
		}
		expect(rows.join("")).not.toMatch(/\p{Cc}|\p{Cf}/u);
		const starts = LONG.map((_each, at) =>
			displayWidth((rows[at] ?? "").split(/deny/, 1)[0]?.replace(/would $/, "") ?? ""),
		);
		expect(new Set(starts).size, "the verdict's column is aligned").toBe(1);
	});

	test("columns return in the order of their priority", () => {
		const shown = layOut(recordTable(), {}, width, null).cells.map(({ column }) => column.key);
		const { worth } = recordTable();
		expect(worth.slice(0, shown.length).sort()).toEqual([...shown].sort());
		const expected = { 60: 4, 80: 6, 100: 7, 120: 8, 160: 8 }[width];
		expect(shown).toHaveLength(expected ?? 0);
	});
});

test("short values leave room: at 80 columns every column but ID is there", () => {
	const [header] = tableLines(recordTable(), {}, output(80), [
		view({ group: "web", rule: "api", name: "example.com", unit: "a.service" }),
	]);
	expect(titles(header)).toEqual(["TIME", "PROCESS", "UNIT", "DESTINATION", "NAME", "VERDICT", "RULE"]);
});

test("a pipe, and --wide on a terminal, get every column and no cut", () => {
	for (const lines of [
		tableLines(recordTable(), {}, output(80, false), LONG),
		tableLines(recordTable(), { wide: true }, output(80), LONG),
	]) {
		expect(titles(lines[0])).toEqual([
			"ID",
			"TIME",
			"PROCESS",
			"UNIT/CONTAINER",
			"DESTINATION",
			"NAME",
			"VERDICT",
			"RULE",
		]);
		expect(lines.join("")).not.toContain("…");
		expect(lines[3]).toContain("tcp [2001:db8:1111:2222:3333:4444:5555:6666]:65535");
		expect(lines[1]).toMatch(/^1234567890123456 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
	}
});

test("--columns selects and orders columns, including optional ones, and omits none", () => {
	const options = { columns: "port,user,name,id,destination,rule,time,exe" };
	for (const width of WIDTHS) {
		const layout = layOut(recordTable(), options, width, LONG);
		expect(layout.cells.map(({ column }) => column.key).join(",")).toBe(options.columns);
		expect(displayWidth(headerLine(layout, false))).toBeLessThanOrEqual(width);
		for (const each of LONG) expect(displayWidth(rowLine(layout, each, false))).toBeLessThanOrEqual(width);
	}
	expect(() => layOut(recordTable(), { columns: "id,nosuch" }, 80, [])).toThrow(
		/^There is no column 'nosuch'\. The columns are id, time, process, unit, destination, /,
	);
});

test("--no-headers leaves only rows, and titles do not widen columns", () => {
	const lines = tableLines(recordTable(), { headers: false, columns: "verdict,port" }, output(80), [view()]);
	expect(lines).toEqual(["deny  443"]);
});

test("a live table follows the width of its terminal", () => {
	const size = { width: 160 };
	const out = { ...output(0), width: () => size.width };
	const write = liveTable(liveConnectionTable(), {}, out);
	write(view());
	size.width = 60;
	write(view());
	const [, wide = "", narrow = ""] = out.text.split("\n");
	expect(wide).toContain("agent.service");
	expect(displayWidth(narrow)).toBeLessThanOrEqual(60);
	expect(narrow).toContain(":443");
});

test.each([
	["tcp 192.0.2.1:443", 17, "tcp 192.0.2.1:443"],
	["tcp 192.0.2.1:443", 14, "192.0.2.1:443"],
	["udp 198.51.100.253:53", 16, "udp 198.….253:53"],
	["tcp [2001:db8::1:2:3]:65535", 16, "[200…:2:3]:65535"],
	["udp 192.0.2.1:53", 8, "19….1:53"],
	["tcp 192.0.2.1:65535", 6, ":65535"],
	["tcp 192.0.2.1:65535", 4, ":65…"],
	["icmp6 2001:db8::1", 12, "icmp6…db8::1"],
])("%s in %i columns is %s", (text, room, shortened) => {
	expect(cutEndpoint(text, room)).toBe(shortened);
	expect(displayWidth(shortened)).toBeLessThanOrEqual(room);
});

test("wide characters and combining marks are cut between, not inside", () => {
	expect(cutMiddle("日本語日本語", 7)).toBe("日本…語");
	expect(cutMiddle("e\u0301e\u0301e\u0301e\u0301", 3)).toBe("e\u0301…e\u0301");
	expect(displayWidth("👩‍👩‍👧")).toBe(2);
});

test("any shortened text fits its width", () => {
	fc.assert(
		fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), fc.nat(30), (hostile, room) => {
			const text = harmless(hostile);
			for (const cut of [cutEnd, cutMiddle, cutEndpoint])
				expect(displayWidth(cut(text, room))).toBeLessThanOrEqual(room);
		}),
		{ numRuns: 2_000 },
	);
});
