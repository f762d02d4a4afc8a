/**
 * Programs that people run, with real servers, under a policy that denies by default in every phase. An allowed name works. The same
 * program sends nothing to a denied one, which it reaches without Sallyport.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Background } from "../support/background.ts";
import { CHRONYD, HONEST_ZONE, HonestServers, type Host, PORTS, PROXY4, tinyproxy } from "../support/honest/servers.ts";
import { policy } from "../support/policies.ts";
import { type Outcome, run, until } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import { Stage } from "../support/stage.ts";
import { ZONE } from "../support/zones.ts";

/** Proxies in the client's namespace: a watched one, and one without Sallyport. */
const [WATCHED, FREE] = [8887, 8886];
const POLICY = policy({
	defaults: { dns: "deny", connect: "deny", tls: "deny", http: "deny" },
	rules: [
		{ name: "openssl", to: { domain: "openssl.good.test", ports: PORTS.openssl } },
		{ name: "mail", to: { domain: "mail.good.test", ports: PORTS.mail } },
		{ name: "time", to: { domain: "time.good.test", ports: PORTS.time, protocol: "udp" } },
		{ name: "repo", phases: ["dns", "connect"], to: { domain: "repo.good.test", ports: PORTS.repo } },
		{ name: "packages", to: { domain: "repo.good.test", method: "GET", path: "/debian/**" } },
		{ name: "proxy", to: { cidr: PROXY4, domain: "behind.good.test", ports: PORTS.proxy } },
		{ name: "web", to: { domain: "web.good.test", ports: PORTS.web } },
		{ name: "own-proxy", to: { cidr: "127.0.0.1", ports: WATCHED } },
	],
});

let stage: Stage;
let servers: HonestServers;
beforeAll(async () => {
	stage = await Stage.make(POLICY);
	const { world } = stage;
	await world.server.zone({ ...ZONE, ...HONEST_ZONE });
	servers = new HonestServers(world);
	const proxies = [
		new Background(world.cleanup, world.argv(tinyproxy(world, WATCHED))),
		new Background(world.cleanup, world.network.inClient(tinyproxy(world, FREE))),
	];
	await servers.ready();
	for (const each of proxies) await each.printed("Accepting connections");
});
afterAll(() => stage?.close());

/** Runs in the watched cgroup, or outside it. */
function start(argv: readonly string[], isWatched: boolean): Promise<Outcome> {
	const { world } = stage;
	if (isWatched) return world.run(argv);
	return run(world.network.inClient(argv), { env: cleanEnvironment(), timeout: 30_000 });
}

interface Program {
	readonly host: Host;
	/** Command that uses a server by its name. */
	argv(name: string, isWatched: boolean): readonly string[];
	/** Matches the output of a success. */
	readonly success: RegExp;
}

const shell = (script: string, ...args: readonly string[]) => ["timeout", "20", "sh", "-c", script, ...args];
const GET = String.raw`printf 'GET / HTTP/1.0\r\n\r\n'`;
const through = (name: string) => [
	...["curl", "-sS", "--max-time", "10", "--cacert", stage.world.certificates.ca],
	...["-x", `http://${PROXY4}:${PORTS.proxy}`, `https://${name}/`],
];
const PROGRAMS: Readonly<Record<string, Program>> = {
	"openssl s_client": { host: "openssl", argv: (name) => openssl(name), success: /HTTP\/1\.0 200/ },
	"smtplib of Python with STARTTLS": { host: "mail", argv: (name) => mail(name), success: /^sent$/m },
	"chronyd -Q": {
		host: "time",
		argv: (name) => [
			...["timeout", "20", ...CHRONYD, "-Q", "-t", "5", "-u", "root", "-f", "/dev/null"],
			...[`pidfile ${stage.world.folder}/client.pid`, "cmdport 0", "bindcmdaddress /"],
			`server ${name} iburst maxsamples 1`,
		],
		success: /System clock wrong by/,
	},
	"apt-get update and download": {
		host: "repo",
		argv: (name) => apt(name, "debian"),
		success: /^Get:1 \S*repo\.\w+\.test:8080 debian\/ honest 1/m,
	},
	"tinyproxy, CONNECT of curl": {
		host: "web",
		argv: (name, isWatched) => [
			...["curl", "-sS", "--max-time", "10", "--cacert", stage.world.certificates.ca],
			...["-x", `http://127.0.0.1:${isWatched ? WATCHED : FREE}`, `https://${name}/`],
		],
		success: /^ok$/m,
	},
};

/* These connect to the first name and show the second one. */
function openssl(name: string, shown = name): readonly string[] {
	const script = `${GET} | openssl s_client -quiet -verify_return_error -CAfile "$0" -servername "$1" -connect "$2"`;
	return shell(script, stage.world.certificates.ca, shown, `${name}:${PORTS.openssl}`);
}

function mail(name: string, shown = name): readonly string[] {
	const script = `import smtplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[3])
context.check_hostname = sys.argv[1] == sys.argv[2]
with smtplib.SMTP(sys.argv[1], ${PORTS.mail}, timeout=10) as session:
    session._host = sys.argv[2]
    session.starttls(context=context)
    session.sendmail("a@good.test", ["b@good.test"], "Subject: from " + sys.argv[2])
print("sent")`;
	return ["python3", "-c", script, name, shown, stage.world.certificates.ca];
}

function apt(name: string, part: string): readonly string[] {
	const folder = join(stage.world.folder, `apt-${name}-${part}`);
	for (const each of ["state/lists/partial", "cache/archives/partial"])
		mkdirSync(join(folder, each), { recursive: true });
	const sources = join(folder, "sources.list");
	writeFileSync(sources, `deb [trusted=yes] http://${name}:${PORTS.repo}/ ${part}/\n`);
	const options = [
		...[`Dir::State=${folder}/state`, `Dir::Cache=${folder}/cache`, "Dir::State::status=/dev/null"],
		...[`Dir::Etc::SourceList=${sources}`, "Dir::Etc::SourceParts=/dev/null", "APT::Sandbox::User=root"],
		...["Acquire::Retries=0", "Acquire::http::Timeout=5", "Acquire::Languages=none", "Acquire::http::Proxy=false"],
	];
	const command = `cd "$0" && apt-get "$@" update && apt-get "$@" download honest`;
	return shell(command, folder, ...options.flatMap((each) => ["-o", each]));
}

test.each(Object.entries(PROGRAMS))(
	"%s: the allowed name works, and nothing is sent to a denied one",
	async (_, program) => {
		const { host, argv, success } = program;
		const allowed = await start(argv(`${host}.good.test`, true), true);
		expect(allowed.stdout + allowed.stderr).toMatch(success);
		const record = await stage.record({ kind: "connection", name: `${host}.good.test`, verdict: "allow" });
		expect(record.decisions["connect"]).toBe(`allow ${host} rule`);

		const before = servers.packetsAtBad();
		const denied = await start(argv(`${host}.bad.test`, true), true);
		expect(denied.stdout + denied.stderr).not.toMatch(success);
		expect(servers.packetsAtBad()).toBe(before);
		expect(await stage.record({ name: `${host}.bad.test`, verdict: "deny", reason: "default" })).toBeDefined();

		const free = await start(argv(`${host}.bad.test`, false), false);
		expect(free.stdout + free.stderr, "without Sallyport").toMatch(success);
		expect(servers.packetsAtBad()).toBeGreaterThan(before);
	},
);

/** Each uses an allowed address, and shows the server something that is not allowed, which the server prints. */
const SHOWN: Readonly<
	Record<string, [argv: () => readonly string[], server: () => Background, text: string, phase: string]>
> = {
	"openssl s_client with another -servername": [
		() => openssl("openssl.good.test", "openssl.bad.test"),
		() => servers.openssl,
		"ClientHello",
		"tls",
	],
	"smtplib, another name in STARTTLS": [
		() => mail("mail.good.test", "mail.bad.test"),
		() => servers.mail,
		"name mail.bad.test",
		"tls",
	],
	"apt-get, another path of the mirror": [
		() => apt("repo.good.test", "private"),
		() => servers.repo,
		"/private/",
		"http",
	],
	"curl, CONNECT of another name at a proxy": [
		() => through("behind.bad.test"),
		() => servers.proxy,
		"behind.bad.test",
		"http",
	],
};

test.each(Object.entries(SHOWN))("%s: the server does not see it", async (_, [argv, server, text, phase]) => {
	const before = server().count(text);
	await start(argv(), true);
	expect(server().count(text)).toBe(before);
	expect(await stage.records({ verdict: "deny", phase })).not.toEqual([]);
	await start(argv(), false);
	await until("without Sallyport it does", 10_000, () => server().count(text) > before || undefined);
});

test("curl through a proxy elsewhere reaches an allowed name", async () => {
	expect((await start(through("behind.good.test"), true)).stdout).toBe("ok\n");
});
