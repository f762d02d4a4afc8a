/** The commands for overlays against the real API, above a real policy on a kernel in memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { targetOf } from "../../../src/cli/overlay-rule.ts";
import { openApi } from "../support/api.ts";
import { FakeServices, STATUS } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";
import { cli } from "./terminal.ts";

let folder: string;
let services: FakeServices;
let app: FastifyInstance;
beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	services = new FakeServices(new TableHarness());
	await services.stage.begin();
	app = await openApi(services);
	await app.listen({ path: join(folder, "api.sock") });
});
afterEach(async () => {
	await app.close();
	rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => cli([...args, "--socket", join(folder, "api.sock")]);
const records = () => services.stage.overlays.list().map(({ record }) => record);

test.each([
	["example.com", { domain: "example.com" }],
	["example.com:443", { domain: "example.com", ports: 443 }],
	["*.example.com:443/udp", { domain: "*.example.com", ports: 443, protocol: "udp" }],
	["https://example.com", { domain: "example.com", ports: 443 }],
	["HTTP://example.com/", { domain: "example.com", ports: 80 }],
	["https://example.com:8443", { domain: "example.com", ports: 8443 }],
	["https://[2001:db8::1]", { cidr: "2001:db8::1", ports: 443 }],
	["192.0.2.1", { cidr: "192.0.2.1" }],
	["192.0.2.0/24:5432", { cidr: "192.0.2.0/24", ports: 5432 }],
	["2001:db8::1", { cidr: "2001:db8::1" }],
	["2001:db8::/32", { cidr: "2001:db8::/32" }],
	["[2001:db8::/32]:443/tcp", { cidr: "2001:db8::/32", ports: 443, protocol: "tcp" }],
	[":25", { ports: 25 }],
])("%s is a destination", (written, target) => {
	expect(targetOf(written)).toEqual(target);
});

test.each([
	"https://example.com/path",
	"example.com:0",
	"example.com:65536",
	"a:b:c",
	"[example.com]:443",
	"[::1",
	"https://",
])("%s is refused with a sentence that names it, and nothing is sent", async (written) => {
	const { code, stderr } = await run("allow", written);
	expect(code).toBe(2);
	expect(stderr).toContain(`'${written}'`);
	expect(records()).toEqual([]);
});

test("allow and deny put rules in force, with owner, reason, scope, unit and end", async () => {
	const flags = ["--for", "10m", "--reason", "a release", "--cgroup", "system.slice", "--name", "rel", "--keep"];
	const { code, stdout } = await run("allow", "example.com:443", "https://example.org", ...flags);
	expect(code).toBe(0);
	expect(stdout).toMatch(/^overlay rel: in force until 20\d\d-.*, for system\.slice\n$/);
	expect(records()).toMatchObject([
		{
			...{ name: "rel", owner: "alice", reason: "a release", scope: "system.slice", end: 601_000, keep: true },
			rules: [
				{ name: "example.com-443", action: "allow", to: { domain: "example.com", ports: 443 } },
				{ name: "https-example.org", action: "allow", to: { domain: "example.org", ports: 443 } },
			],
		},
	]);
	const denied = await run("deny", ":25", ":25", "--unit", "a.service", "--unit", "b.service", "--json");
	const overlay = JSON.parse(denied.stdout);
	expect(overlay).toMatchObject({ until: null, scope: null, keep: false });
	expect(overlay.rules).toEqual([
		{ name: "25", action: "deny", to: { ports: 25 }, from: { unit: ["a.service", "b.service"] } },
		{ name: "25-2", action: "deny", to: { ports: 25 }, from: { unit: ["a.service", "b.service"] } },
	]);
	expect(services.stage.groups()).toHaveLength(5);
});

test.each([
	[["allow", "example..com"], "example..com: "],
	[["allow", "10.0.0.0/33"], "10.0.0.0/33: "],
	[["deny", "example.com", ":25", "--cgroup", "nowhere"], "--cgroup: nowhere does not exist"],
	[["deny", ":25", "--name", "a b"], '--name: "a b" is not a name'],
	[["deny", ":25/tpc"], "tpc"],
	[["deny", ":25", "--for", "soon"], "'soon' is not a duration"],
	[["deny", ":25", "--for", "0m"], "'0m' is not a duration"],
])("%s: the message names the argument or option", async (args, message) => {
	const { code, stderr } = await run(...args);
	expect(code).toBe(2);
	expect(stderr).toContain(message);
	expect(records()).toEqual([]);
});

test("overlays lists them, revoke ends them, and an unknown name is an error", async () => {
	await run("allow", "example.com:443", "--for", "10m", "--name", "one", "--reason", "why");
	await run("deny", ":25", "--name", "two");
	const { stdout } = await run("overlays");
	const [head = "", one = "", two = ""] = stdout.split("\n");
	expect(head).toMatch(/^NAME +RULES +UNTIL +SCOPE +OWNER +REASON/);
	expect(one).toMatch(/^one +allow example\.com:443 +20\d\d-\S+ \S+ +everything +alice +why/);
	expect(two).toMatch(/^two +deny :25 +revoked +everything +alice/);
	const lines = (await run("overlays", "--json")).stdout.trim().split("\n");
	expect(lines.map((line) => JSON.parse(line).name)).toEqual(["one", "two"]);
	expect((await run("revoke", "one", "two")).stdout).toBe("overlay one: ended\noverlay two: ended\n");
	expect(records()).toEqual([]);
	const again = await run("revoke", "one");
	expect(again.code).not.toBe(0);
	expect(again.stderr).toContain('There is no overlay "one".');
});

test("in mode observe the command says that nothing is blocked", async () => {
	services.status = () => ({ ...STATUS, policy: { ...STATUS.policy, mode: "observe" } });
	expect((await run("deny", ":25")).stderr).toContain("mode observe: nothing is blocked");
});
