/** Decisions of a record: which one it shows, and when a denial closes the socket. */
import { expect, test } from "vitest";
import { END, HOOK, REASON, VERDICT } from "../../../src/native/layout.ts";
import { connect, end, hello, request } from "../support/events.ts";
import { TableHarness } from "../support/table-harness.ts";

test("a denied request denies the connection", () => {
	const harness = new TableHarness();
	harness.rules.set("1 2", { group: "g", name: "no-delete" });
	harness.feed(connect(), request({ method: "DELETE" }, { verdict: VERDICT.deny, rule: 2, reason: REASON.rule }));
	expect(harness.only()).toMatchObject({
		verdict: "deny",
		phase: "http",
		rule: "no-delete",
		http: { method: "DELETE" },
	});
});

test("the record shows the most severe decision, among equals the latest phase", () => {
	const harness = new TableHarness();
	harness.rules.set("1 0", { group: "g", name: "soft" });
	harness.feed(connect({ verdict: VERDICT.wouldDeny, rule: 0, reason: REASON.rule }), hello("ok.example"));
	expect(harness.only()).toMatchObject({ verdict: "would_deny", phase: "connect", rule: "soft", name: "ok.example" });
	harness.feed(hello("no.example", { verdict: VERDICT.deny, reason: REASON.default }));
	expect(harness.only()).toMatchObject({ verdict: "deny", phase: "tls", rule: null, reason: "default" });
});

test("a decision by a new policy replaces the previous one of that phase", () => {
	const harness = new TableHarness();
	harness.rules.set("2 1", { group: "g", name: "new" });
	harness.feed(connect({ verdict: VERDICT.wouldDeny }));
	harness.feed(connect({ hook: HOOK.egress, generation: 2, rule: 1, reason: REASON.rule }));
	expect(harness.only()).toMatchObject({ verdict: "allow", rule: "new", decisions: { connect: { generation: 2 } } });
});

test("a denied connect() ends at once without closing the socket; another attempt is counted in its record", () => {
	const harness = new TableHarness();
	harness.feed(connect({ verdict: VERDICT.deny }), end(END.refused));
	expect(harness.only()).toMatchObject({ verdict: "deny", end: "denied", open: false });
	expect(harness.destroyed).toEqual([]);
	harness.feed(connect({ verdict: VERDICT.deny }));
	expect(harness.only()).toMatchObject({ count: 2, open: false });
	harness.feed(connect({ verdict: VERDICT.deny, remotePort: 444 }));
	expect(harness.views()).toHaveLength(2);
});

test("a denied hello and a denied first packet close the socket", () => {
	const harness = new TableHarness();
	harness.feed(
		connect({ cookie: 1n }),
		hello("bad.example", { cookie: 1n, verdict: VERDICT.deny }),
		connect({ cookie: 2n, verdict: VERDICT.deny, hook: HOOK.egress }),
	);
	expect(harness.destroyed.map((event) => event.cookie)).toEqual([1, 2]);
	harness.feed(end(END.reset, { cookie: 1n }));
	expect(harness.views()[0]).toMatchObject({ verdict: "deny", end: "denied", name: "bad.example", phase: "tls" });
});

test("would_deny closes no socket", () => {
	const harness = new TableHarness();
	harness.feed(
		connect({ verdict: VERDICT.wouldDeny, hook: HOOK.egress }),
		hello("x.example", { verdict: VERDICT.wouldDeny }),
	);
	expect(harness.destroyed).toEqual([]);
});

test("alerts are kept beside the decision", () => {
	const harness = new TableHarness();
	harness.rules.set("1 2", { group: "g", name: "odd" });
	harness.feed(connect({ alert: 2 }), hello("a.example", { alert: 2 }));
	expect(harness.only()).toMatchObject({ verdict: "allow", alerts: [{ group: "g", rule: "odd" }] });
});
