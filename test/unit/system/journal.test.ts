import { expect, test } from "vitest";
import { journalEntry } from "../../../src/connections/journal-entry.ts";
import { encodeEntry, Journal } from "../../../src/system/journal.ts";
import { connect, processEvent } from "../support/events.ts";
import { TableHarness } from "../support/table-harness.ts";

test("a value with a newline is sent with its length, so that no program can forge a field", () => {
	const bytes = encodeEntry({ MESSAGE: "a\nSALLYPORT_VERDICT=allow", PRIORITY: 4, SALLYPORT_NAME: null });
	const text = "a\nSALLYPORT_VERDICT=allow";
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(text.length));
	expect(bytes).toEqual(
		Buffer.concat([Buffer.from("MESSAGE\n"), length, Buffer.from(`${text}\n`), Buffer.from("PRIORITY=4\n")]),
	);
});

test("entries over the rate are dropped, counted, and reported before the next entry", () => {
	let now = 0;
	const sent: string[] = [];
	const journal = new Journal({ rate: 2, burst: 3, now: () => now, send: (_, bytes) => void sent.push(String(bytes)) });
	for (let count = 0; count < 10; count++) journal.write({ MESSAGE: `n${count}` });
	expect(sent).toEqual(["MESSAGE=n0\n", "MESSAGE=n1\n", "MESSAGE=n2\n"]);
	now = 500;
	journal.write({ MESSAGE: "later" });
	expect(sent[3]).toContain("SALLYPORT_SUPPRESSED=7");
	expect(sent[4]).toBe("MESSAGE=later\n");
	expect(journal.suppressed).toBe(7);
});

test("a journal that refuses entries does no harm, and the loss is reported", () => {
	let broken = true;
	const sent: string[] = [];
	const send = (_: string, bytes: Uint8Array) => {
		if (broken) throw new Error("EAGAIN");
		sent.push(String(bytes));
	};
	const journal = new Journal({ rate: 1, burst: 9, now: () => 0, send });
	journal.write({ MESSAGE: "lost" });
	broken = false;
	journal.write({ MESSAGE: "kept" });
	expect(sent[0]).toContain("SALLYPORT_SUPPRESSED=1");
	expect(sent[1]).toBe("MESSAGE=kept\n");
});

test("a connection has its verdict, rule, name and client as fields", () => {
	const harness = new TableHarness();
	harness.feed(processEvent(), connect({ cookie: 1n }));
	const view = harness.only();
	const fields = journalEntry({
		...view,
		verdict: "deny",
		reason: "rule",
		name: "drop.evil.example",
		group: "g",
		rule: "r",
	});
	expect(fields).toMatchObject({
		SALLYPORT_VERDICT: "deny",
		SALLYPORT_NAME: "drop.evil.example",
		SALLYPORT_RULE: "r",
		SALLYPORT_UNIT: view.unit,
		SALLYPORT_ADDRESS: view.remote,
		PRIORITY: 4,
		SALLYPORT_REMEDY: expect.stringContaining("Rule r of group g denies it."),
		SALLYPORT_REMEDY_RULE: expect.stringContaining("domain: drop.evil.example"),
	});
	expect(fields["MESSAGE"]).toMatch(
		/^deny: .* \(drop\.evil\.example\), by .*: g\/r; remedy: Rule r of .* this one before it\. - \{ name: /,
	);
	const allowed = journalEntry({ ...view, verdict: "allow" });
	expect(allowed).toMatchObject({ SALLYPORT_REMEDY: null, SALLYPORT_REMEDY_RULE: null });
	expect(allowed["MESSAGE"]).not.toContain("remedy");
});
