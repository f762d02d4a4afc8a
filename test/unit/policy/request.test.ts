/** Syntax and meaning of conditions on HTTP requests. docs/deciding.md, "http" and "Paths". */
import { describe, expect, test } from "vitest";
import { type Connection, evaluate } from "../../../src/policy/evaluate/evaluate.ts";
import { explain } from "../../../src/policy/evaluate/explain.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { worldEnvironment } from "./world.ts";

interface RawRule {
	readonly action?: string;
	readonly to: object;
	readonly phases?: string;
}

function policyOf(rules: readonly RawRule[], http: "allow" | "deny" = "deny", mode = "enforce") {
	const named = rules.map((rule, index) => ({ name: `r${index}`, action: "allow", ...rule }));
	const text = JSON.stringify({ version: 1, mode, defaults: { http }, groups: [{ name: "g", rules: named }] });
	const parsed = parsePolicy(text, "p.yaml", worldEnvironment);
	if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join("\n"));
	return parsed.policy;
}

const request = (path: string, more: Partial<Connection> & { method?: string; status?: number } = {}): Connection => ({
	phase: "http",
	address: "192.0.2.1",
	port: 80,
	protocol: 6,
	who: { exe: null, uid: 0, cgroup: null },
	learned: ["a.test"],
	name: "a.test",
	trustedResolver: false,
	dnsMessage: false,
	request: { method: more.method ?? "GET", path, status: more.status ?? null },
	...more,
});

describe("a path", () => {
	test.each([
		["/a", "/a", true],
		["/a", "/a?b", true],
		["/a", "/a/", false],
		["/*", "/a", true],
		["/*", "/a/b", false],
		["/**", "/a/b", true],
		["/*/c", "/a/c", true],
		["/*/c", "/a/b/c", false],
		["/**/c", "/a/b/c", true],
		["/a*d/**.js", "/abcd/x/y.js", true],
		["/a*d/**.js", "/ab/cd/y.js", false],
		["**", "", true],
		["/a?b=*", "/a?b=c", true],
		["/a?b=*", "/a", false],
		["/a%7e/%c3%a9", "/%61~/%C3%A9", true],
		["/é", "/%c3%a9", true],
		["/a/b", "//a///b", true],
		["/a.b", "/aXb", false],
	])("%s and %s: %s", (pattern, path, covered) => {
		for (const action of ["allow", "deny"]) {
			const policy = policyOf([{ action, to: { path: pattern } }], action === "allow" ? "deny" : "allow");
			const { rule, reason } = evaluate(policy, request(path));
			expect({ decided: rule !== null, reason }).toEqual({ decided: covered, reason: covered ? "rule" : "default" });
		}
	});

	test.each([
		"/a/../b",
		"/a/%2e%2E/b",
		"/./a",
		"/a/..",
		"/..;x/a",
		"/a%2Fb",
		"/a\\b",
		"/a%5c",
		"/a%00",
		"/a%",
		"/a%4x",
		"/\xe9",
		`/${"a".repeat(256)}`,
	])("that is unclear is never allowed by one, and always denied: %s", (path) => {
		expect(evaluate(policyOf([{ to: { path: "/**" } }]), request(path))).toMatchObject({ action: "deny", rule: null });
		expect(evaluate(policyOf([{ action: "deny", to: { path: "/x" } }], "allow"), request(path))).toMatchObject({
			action: "deny",
			reason: "rule",
		});
	});

	test("a long query matters only to patterns with a query", () => {
		const path = `/a?${"b".repeat(300)}`;
		expect(evaluate(policyOf([{ to: { path: "/a" } }]), request(path)).action).toBe("allow");
		expect(evaluate(policyOf([{ to: { path: "/a?**" } }]), request(path)).action).toBe("deny");
		expect(evaluate(policyOf([{ action: "deny", to: { path: "/c?d" } }], "allow"), request(path)).action).toBe("deny");
	});
});

test("methods are case-sensitive", () => {
	const policy = policyOf([{ to: { method: ["GET", "HEAD"] } }]);
	expect(["GET", "HEAD", "get", "POST"].map((method) => evaluate(policy, request("/", { method })).action)).toEqual([
		"allow",
		"allow",
		"deny",
		"deny",
	]);
});

test("a rule with a status matches only at the response, which is judged with all fields", () => {
	const policy = policyOf([{ action: "deny", to: { status: ["5xx", 403] } }, { to: { path: "/a" } }]);
	const reasons = [undefined, 200, 403, 503].map((status) =>
		evaluate(policy, request("/a", { ...(status && { status }) })),
	);
	expect(reasons.map(({ rule }) => rule?.name)).toEqual(["r1", "r1", "r0", "r0"]);
});

test("they take part in phase http only", () => {
	const policy = policyOf([{ to: { method: "GET", domain: "a.test" } }, { to: { domain: "a.test" } }]);
	for (const phase of ["dns", "connect", "tls"] as const)
		expect(evaluate(policy, request("/", { phase })).rule?.name).toBe("r1");
	expect(evaluate(policy, request("/")).rule?.name).toBe("r0");
});

test.each([
	["a.test", ["a.test"], "allow", "rule"],
	["A.test.", ["a.test"], "allow", "rule"],
	["a.test", [], "deny", "name_unbound"],
	[null, ["a.test"], "deny", "name_missing"],
	["[::1]", ["a.test"], "deny", "name_bad"],
	["192.0.2.1", ["a.test"], "deny", "name_bad"],
	["b.test/.a.test", ["a.test"], "deny", "name_bad"],
	["b.test", ["a.test"], "deny", "default"],
])("the host %s, with the address learned for %s: %s, %s", (name, learned, action, reason) => {
	const policy = policyOf([{ to: { domain: ["a.test", "**.a.test"] } }]);
	expect(evaluate(policy, request("/", { name, learned }))).toMatchObject({ action, reason });
});

test.each([
	[{ method: "get" }, '"get" is not a method, and methods are case-sensitive; did you mean "GET"?', "GET"],
	[{ method: "GE T" }, '"GE T" is not an HTTP method', undefined],
	[{ path: "a/b" }, '"a/b" does not begin with "/"; did you mean "/a/b"?', "/a/b"],
	[
		{ path: "http://a.test/b" },
		'"http://a.test/b" is a URL, not a path; put its host name under "domain"; did you mean "/b"?',
		"/b",
	],
	[{ path: "/a#b" }, '"/a#b" has a "#"; a fragment is never sent; did you mean "/a"?', "/a"],
	[{ path: "/a b" }, '"/a b" has a space or a control character; did you mean "/a%20b"?', "/a%20b"],
	[{ path: "/a/../b" }, '"/a/../b" has a segment "." or ".."; write the path without it', undefined],
	[
		{ path: "/a%2Fb" },
		'"/a%2Fb" has an encoded slash, backslash or control character, which servers interpret differently',
		undefined,
	],
	[{ path: "/%zz" }, '"/%zz" has a "%" without two hex digits; write %25', undefined],
	[{ status: "40x" }, '"40x" is not the status of an HTTP response', undefined],
	[{ status: "599-500" }, "the range 599-500 is reversed; write 500-599", "500-599"],
	[{ status: 99 }, '"status" must be one or a list of statuses such as 403, "4xx" or "500-599", not 99', undefined],
	[{ protocol: "udp", method: "GET" }, '"method" can be combined only with tcp', "tcp"],
])("%j is refused", (to, message, suggestion) => {
	const text = JSON.stringify({ version: 1, groups: [{ name: "g", rules: [{ name: "r", action: "allow", to }] }] });
	const parsed = parsePolicy(text, "p.yaml", worldEnvironment);
	expect(parsed.ok ? [] : parsed.problems.map((each) => [each.message, each.suggestion])).toEqual([
		[message, suggestion],
	]);
});

test("a rule with request conditions cannot have another phase", () => {
	const rules = [{ name: "r", action: "allow", phases: "tls", to: { path: "/a" } }];
	const parsed = parsePolicy(
		JSON.stringify({ version: 1, groups: [{ name: "g", rules }] }),
		"p.yaml",
		worldEnvironment,
	);
	expect(parsed.ok ? [] : parsed.problems.map(({ message, expected }) => [message, expected])).toEqual([
		['the rule "r" cannot take part in phase tls: "method", "path" and "status" apply to HTTP requests only', "http"],
	]);
});

test("all paths share a limit, and equal ones count once", () => {
	const paths = (count: number) => Array.from({ length: count }, (_, index) => `/${String(index).padStart(6, "0")}`);
	expect(() => policyOf([{ to: { path: paths(128) } }, { to: { path: paths(128) } }])).not.toThrow();
	expect(() => policyOf([{ to: { path: paths(129) } }])).toThrow('"/000128" exceeds the limit');
});

test("an explanation names the part of a request that did not match", () => {
	const policy = policyOf([{ to: { method: "PUT", path: "/token" } }, { to: { status: 200 } }]);
	const { looks } = explain(policy, request("/a/../token"));
	expect(looks[0]?.rules.map(({ why }) => why)).toEqual([
		"the method GET is not PUT; a path that servers may interpret differently is not covered by /token",
		"the response is not known yet",
	]);
});
