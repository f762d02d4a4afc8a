/** Questions that stand for an allowed name: with a search suffix, for a service, and for the target of a record. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { DNS4 } from "../support/addresses.ts";
import { type Asked, question } from "../support/dns-message.ts";
import { policy } from "../support/policies.ts";
import { PORTS, Stage } from "../support/stage.ts";
import type { Zone } from "../support/zone.ts";
import { WWW4, ZONE } from "../support/zones.ts";

const at = (last: number) => `198.19.7.${last}`;
const MORE: Zone = {
	/** CoreDNS with `autopath` answers the question with the first suffix. */
	"auto.good.test.ns.svc.cluster.local": [{ type: "CNAME", data: "auto.good.test" }],
	"auto.good.test": [{ type: "A", data: at(1) }],
	"db.corp.test": [{ type: "A", data: at(2) }],
	"_http._tcp.repo.good.test": [
		{ type: "SRV", data: "10 0 80 one.cdn.example" },
		{ type: "SRV", data: "20 0 80 two.cdn.example" },
	],
	"one.cdn.example": [{ type: "A", data: at(3) }],
	"two.cdn.example": [{ type: "CNAME", data: "edge.cdn.example" }],
	"edge.cdn.example": [{ type: "A", data: at(4) }],
	"three.cdn.example": [{ type: "A", data: at(5) }],
	"_http._tcp.www.bad.test": [{ type: "SRV", data: "10 0 80 three.cdn.example" }],
	"alias.good.test": [{ type: "HTTPS", data: "0 pool.example" }],
	"pool.example": [{ type: "A", data: at(6) }],
};

const makePolicy = (dns: "allow" | "deny", search: readonly string[] = []) =>
	policy({
		defaults: { dns },
		rules: [
			{ name: "no-mine", action: "deny", to: { domain: "**.mine.corp.test" } },
			{
				name: "good",
				to: { domain: ["www.good.test", "auto.good.test", "repo.good.test", "alias.good.test", "db.corp.test"] },
			},
		],
		more: { resolvers: [DNS4], search },
	});

let stage: Stage;
let resolvConf: string;
beforeAll(async () => {
	stage = await Stage.make(makePolicy("deny"), { start: false });
	await stage.world.server.zone({ ...ZONE, ...MORE });
	resolvConf = join(stage.world.folder, "resolv.conf");
	appendFileSync(resolvConf, "search corp.test\n");
	stage.daemon.inClient = true;
	await stage.daemon.start();
});
afterAll(() => stage?.close());
afterEach(() => stage.world.server.clear());

/** What getaddrinfo() of glibc finds with these lines in resolv.conf. */
async function getent(name: string, lines = ""): Promise<string> {
	const before = readFileSync(resolvConf);
	writeFileSync(resolvConf, `${before}${lines}`);
	try {
		return (await stage.world.run(["getent", "ahostsv4", name])).stdout.split(/\s/)[0] ?? "";
	} finally {
		writeFileSync(resolvConf, before);
	}
}

const NDOTS = "options ndots:5\n";

async function ask(...asked: Asked[]): Promise<number> {
	const messages = asked.map((one, i) => question(i + 1, [one]).toString("hex"));
	const outcome = await stage.dns({ via: "udp", server: DNS4, messages, answers: asked.length, patience: 700 });
	return outcome.answers.length;
}

const connect = async (address: string) =>
	(await stage.dns({ via: "udp", server: DNS4, messages: [], answers: 0, connect: [[address, PORTS.sink]] }))
		.connects[0];

test("a suffix of the host's resolv.conf does not end the search, and the record has the rule and the name as asked", async () => {
	expect(await getent("www.good.test", NDOTS)).toBe(WWW4);
	expect(
		await stage.record({ kind: "dns", name: "www.good.test.corp.test", verdict: "allow", rule: "good" }),
	).toBeDefined();
	expect(await connect(WWW4)).toBe("ok");
});

test("a short name is looked up with the host's suffix, and a server that is shown it needs it in the rule", async () => {
	for (const line of ["search corp.test", "domain corp.test"]) {
		expect(await getent("db", `${line}\n`), line).toBe(at(2));
		expect(await getent("www", `${line}\n`), line).toBe("");
	}
	expect(await stage.curl("http://db/")).toMatchObject({ ok: true });
	expect(await stage.curl("https://db/", ["-k"])).toMatchObject({ ok: false });
	const short = { name: "short", to: { domain: ["db.corp.test", "db", "www.good.test"] } };
	await stage.daemon.put(
		policy({ defaults: { dns: "deny", http: "deny" }, rules: [short], more: { resolvers: [DNS4] } }),
	);
	for (const url of ["http://db/", "https://db/"])
		expect(await stage.curl(url, ["-k"]), url).toMatchObject({ ok: true });
	expect(await getent("www.good.test")).toBe(WWW4);
	expect(await connect(WWW4)).toBe("ok");
	await stage.world.server.clear();
	expect(await stage.curl("https://db/", ["-k", "--resolve", `db:443:${WWW4}`]), "at another address").toMatchObject({
		ok: false,
	});
	expect(await stage.bytesAt({ at: WWW4 })).toBe(0);
	expect(await stage.record({ address: WWW4, name: "db", verdict: "deny", reason: "name_unbound" })).toBeDefined();
	await stage.daemon.put(makePolicy("deny"));
});

test("the status has the suffixes of the host's resolv.conf, the policy and Kubernetes", async () => {
	await stage.daemon.put(makePolicy("deny", ["*.internal.test"]));
	const { search } = await stage.daemon.get<{ search: string[] }>("/v1/status");
	expect(search.sort()).toEqual([
		"*.internal.test",
		"*.svc.cluster.local",
		"cluster.local",
		"corp.test",
		"svc.cluster.local",
	]);
	await stage.daemon.put(makePolicy("deny"));
});

test("the suffixes of Kubernetes are known; another one is after the policy names it", async () => {
	const kubernetes = "search ns.svc.cluster.local svc.cluster.local cluster.local eu.internal\n";
	expect(await ask({ name: "www.good.test.ns.svc.cluster.local" }, { name: "www.good.test.cluster.local" })).toBe(2);
	expect(await ask({ name: "www.good.test.a.b.cluster.local" })).toBe(0);
	expect(await getent("www.good.test", NDOTS + kubernetes)).toBe("");
	await stage.daemon.put(makePolicy("deny", ["*.internal.test", "eu.internal"]));
	expect(await getent("www.good.test", NDOTS + kubernetes)).toBe(WWW4);
	expect(await ask({ name: "www.good.test.any.internal.test" })).toBe(1);
	expect(await ask({ name: "www.good.test.internal.test" }), "the star is one label").toBe(0);
	await stage.daemon.put(makePolicy("deny"));
	expect(await ask({ name: "www.good.test.eu.internal" })).toBe(0);
});

test("a name that no rule allows, a suffix alone, and one that a rule denies are denied", async () => {
	const denied = [
		"www.bad.test.corp.test",
		"corp.test",
		"data.www.good.test.corp.test",
		"www.good.test.mine.corp.test",
	];
	for (const name of denied) expect(await ask({ name }), name).toBe(0);
	expect(await ask({ name: "db.corp.test" })).toBe(1);
});

test("the answer to a question with a suffix holds for the name without it", async () => {
	expect(await getent("auto.good.test", `${NDOTS}search ns.svc.cluster.local\n`)).toBe(at(1));
	expect(await connect(at(1))).toBe("ok");
	expect(await stage.record({ address: at(1), name: "auto.good.test", verdict: "allow", rule: "good" })).toBeDefined();
});

test("the targets of an SRV record stand for the name behind the service, as apt needs it", async () => {
	expect(await ask({ name: "one.cdn.example" }), "before the SRV question").toBe(0);
	expect(await ask({ name: "_http._tcp.repo.good.test", type: "A" }), "only SRV").toBe(0);
	expect(await ask({ name: "_Http._TCP.Repo.good.test", type: "SRV" })).toBe(1);
	expect(await ask({ name: "one.cdn.example" }, { name: "two.cdn.example" })).toBe(2);
	expect(await connect(at(3))).toBe("ok");
	expect(await connect(at(4))).toBe("ok");
	expect(await stage.record({ address: at(4), name: "repo.good.test", verdict: "allow", rule: "good" })).toBeDefined();
	expect(await ask({ name: "_http._tcp.www.bad.test", type: "SRV" })).toBe(0);
	expect(await ask({ name: "three.cdn.example" })).toBe(0);
});

test("the target of an HTTPS record in alias mode stands for the name", async () => {
	expect(await ask({ name: "pool.example" })).toBe(0);
	expect(await ask({ name: "alias.good.test", type: "HTTPS" })).toBe(1);
	expect(await ask({ name: "pool.example" })).toBe(1);
	expect(await connect(at(6))).toBe("ok");
});

test("with default allow a target still binds its addresses to the name with the record, and others do not", async () => {
	await stage.daemon.put(makePolicy("allow"));
	expect(await ask({ name: "_http._tcp.www.bad.test", type: "SRV" }, { name: "three.cdn.example" })).toBe(2);
	expect(await connect(at(5))).toBe("EACCES");
});
