/**
 * Every command of README.md and docs/ is run, in the order of its page, against a real daemon. They run in the client's
 * network namespace, from a folder of their own, with `sallyport` kept to the test's cgroup. What a page shows as output is
 * compared as far as it can be the same twice: see `differences`.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OWN_CAPTURES } from "../captures/own.ts";
import { POLICY, ZONE } from "../demo/network.ts";
import { type Started, startLine } from "../support/doc-lines.ts";
import {
	type Command,
	commands,
	differences,
	hasOpenPattern,
	isHeader,
	PROGRAMS,
	programs,
} from "../support/doc-pages.ts";
import { installPrograms } from "../support/doc-programs.ts";
import { ROOT } from "../support/paths.ts";
import { alive, end, until } from "../support/run.ts";
import { Stage } from "../support/stage.ts";

/** Not run by name: it would install packages, or run this test again. */
const NPM: Record<string, string> = {
	start: "installs and builds first; what it then runs, `sallyport observe` with the same arguments, is run instead",
	test: "runs this test",
	demo: "builds first; makes a world like this one",
	bench: "takes minutes and the whole machine",
	"test:corpus": "reads captures that are no part of the project",
	fuzz: "takes as long as it is told",
	"bpf:stats": "builds first; loads each program anew",
};

/** Ends with something else than 0. */
const EXITS: readonly (readonly [command: RegExp, code: number])[] = [[/policy check wrong\.yaml/, 3]];

/** These go on until they are told to end; `run` is left alone until the next `run`, or the end of its page. */
const SERVICE = /sallyport run\b/;
const ENDLESS = /sallyport (?:observe|stream)\b(?!.*--seconds)|\/v1\/stream\b/;

/** A stranger has nothing but the repository: these pages make the files that their commands read. */
const MAKES_ITS_FILES = ["README.md"];

/** Columns of the terminal of a page's live tables. */
const COLUMNS = (page: string) => (page === "README.md" ? 80 : 130);

/** Seconds instead of a page's 60 and 15; the world's paths instead of the host's; an id that exists. */
function substitutions(): readonly (readonly [string | RegExp, string])[] {
	return [
		["/run/sallyport/sallyport.sock", stage.daemon.socket],
		[/\/sys\/fs\/cgroup\/[\w./-]+/g, stage.world.cgroup.path],
		[/\/etc\/(?:sallyport|prometheus)\//g, `${etc}/`],
		[/--seconds \d+/g, "--seconds 3"],
		[/scrape_interval: \d+s/g, "scrape_interval: 1s"],
		[/(?<=connections )\d{16}\b/g, String(someId)],
		[/^npm start(?: --)?/g, "sallyport observe"],
	];
}
/** What is left of the host's own folders after that is a mistake of this table. */
const HOST_PATHS = /(?<!\/tmp\/[\w./-]*)\/(?:etc|run|var|sys|root|home)\/(?!fs\/cgroup\/[\w./-]*sallyport-test-)/;

let stage: Stage;
/** Where the commands run, and what stands for /etc/sallyport and /etc/prometheus. */
let folder: string;
let etc: string;
let someId: number;

beforeAll(async () => {
	stage = await Stage.make(POLICY);
	await stage.world.server.zone({ ...ZONE, "host.example": [{ type: "A", data: "127.0.0.1" }] });
	folder = join(stage.world.folder, "docs");
	etc = join(folder, "etc");
	for (const each of ["", "bin", "etc", "scripts"]) mkdirSync(join(folder, each));
	writeFileSync(join(etc, "policy.yaml"), POLICY);
	copyFileSync(join(OWN_CAPTURES, "visit.pcap"), join(folder, "capture.pcap"));
	installPrograms(stage, folder, etc);
	symlinkSync("../bin/sallyport", join(folder, "scripts/sallyport"));
	symlinkSync(join(ROOT, "systemd"), join(folder, "systemd"));
	await get("https://api.model.example/");
	await get("https://paste.evil.example/");
	await stage.record({ name: "paste.evil.example", kind: "connection", phase: "tls", open: false });
	/* A page finds a history with several records, whether or not the others ran before it. */
	for (let round = 0; round < 2; round++) await traffic();
	await stage.record({ name: "api.model.example", kind: "connection", unit: "cron.service", open: false });
	const denied = "/v1/connections?name=paste.evil.example&kind=connection&phase=tls&limit=1";
	const { connections } = await stage.daemon.get<{ connections: { id: number }[] }>(denied);
	someId = connections[0]?.id ?? 0;
});
afterAll(() => stage?.close());

const PAGES = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`)].filter((name) =>
	name.endsWith(".md"),
);

test.each(PAGES)("%s: its commands do what it says", { timeout: 240_000 }, async (page) => {
	expect(await failures(page, readFileSync(join(ROOT, page), "utf8"))).toEqual([]);
});

test("the task pages have commands", () => {
	for (const page of ["README.md", "docs/see.md", "docs/ask.md", "docs/scrape.md", "docs/cli.md", "docs/api.md"])
		expect(commands(page, readFileSync(join(ROOT, page), "utf8"), PROGRAMS).length, page).toBeGreaterThan(2);
});

test("a command that does not work, or is not known, is told with its place", { timeout: 120_000 }, async () => {
	const page = `text
\`\`\`console
# sallyport conections
# sallyport top --by nothing --once
$ sallyport connections --limit 1
NOT THE HEADER
$ curl -sS --unix-socket /run/sallyport/sallyport.sock http://localhost/v1/nothing
# reboot now
# npm run nothing
# printf x > /var/x
# sallyport observe --nothing
$ sallyport status
daemon   x
bogus    y
$ curl -sS --unix-socket /run/sallyport/sallyport.sock http://localhost/v1/connections?limit=1
\`\`\`
`;
	const found = await failures("page.md", page);
	expect(found.map((each) => each.split(": ")[0])).toEqual(
		[3, 4, 5, 7, 8, 9, 10, 11, 12, 15].map((n) => `page.md:${n}`),
	);
});

const get = (url: string, unit = "agent.service") =>
	stage.world.run(["curl", "-sk", "--max-time", "2", url], { below: unit });

/** An agent that does what it may and what it may not, and another unit. */
async function traffic(): Promise<void> {
	await Promise.all([
		get("https://api.model.example/"),
		get("https://paste.evil.example/"),
		get("https://drop.evil.example/"),
		get("https://pixel.ads.example/"),
		get("https://api.model.example/", "cron.service"),
		stage.node("api.model.example", 8443, undefined, "agent.service"),
	]);
}

/** What is wrong with a page, each with its place. */
async function failures(page: string, text: string): Promise<string[]> {
	const found: string[] = [];
	const running: Running[] = [];
	const ownPolicy = join(folder, "policy.yaml");
	if (MAKES_ITS_FILES.includes(page)) rmSync(ownPolicy, { force: true });
	else writeFileSync(ownPolicy, POLICY);
	const session: Session = {
		service: async (text) => {
			for (const each of running.splice(0)) await each.finish();
			running.push(await service(text));
		},
		prometheus: once(prometheus),
		columns: COLUMNS(page),
	};
	const config = /```yaml\n(global:.*?)```/s.exec(text)?.[1];
	if (config !== undefined) writeFileSync(join(etc, "prometheus.yml"), substituted(config));
	try {
		for (const command of commands(page, text, PROGRAMS)) {
			try {
				await check(command, session);
			} catch (error) {
				found.push(`${command.at}: ${command.text}: ${error instanceof Error ? error.message : error}`);
			}
		}
		for (const each of running.splice(0)) {
			try {
				await each.finish();
			} catch (error) {
				found.push(`${page}: ${error instanceof Error ? error.message : error}`);
			}
		}
	} finally {
		for (const each of running) each.kill();
	}
	return found;
}

interface Session {
	/** Starts it instead of the one that this page has started. */
	service(text: string): Promise<void>;
	prometheus(): Promise<void>;
	readonly columns: number;
}

async function check({ text, output }: Command, session: Session): Promise<void> {
	const unknown = programs(text).filter((name) => !PROGRAMS.includes(name));
	if (unknown.length > 0) throw new Error(`the test does not know ${unknown.join(", ")}`);
	if (hasOpenPattern(text)) throw new Error("a URL with a pattern of the shell is not quoted");
	const npm = /^npm (?:run )?(\w+)/.exec(text)?.[1];
	if (npm !== undefined) {
		const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: object };
		if (!Object.hasOwn(scripts, npm)) throw new Error(`package.json has no script ${npm}`);
		if (!Object.hasOwn(NPM, npm)) throw new Error(`the test does not know npm's ${npm}`);
		if (npm !== "start") return;
	}
	const line = substituted(text);
	if (HOST_PATHS.test(line)) throw new Error(`a path of the host: ${HOST_PATHS.exec(line)?.[0]}`);
	if (SERVICE.test(line)) return session.service(line);
	if (line.includes("localhost:9090")) await session.prometheus();
	const shown = ENDLESS.test(line)
		? await endless(line, isHeader(output[0] ?? "") ? session.columns : null)
		: await toEnd(line, text);
	const different = differences(output, shown);
	if (different.length > 0) throw new Error(`shown, but not so in fact: ${different.join("\n")}\nin fact:\n${shown}`);
}

function substituted(text: string): string {
	return substitutions().reduce((line, [from, to]) => line.replaceAll(from, to), text);
}

/** To its end; what Prometheus has not scraped twice yet it is asked again. */
async function toEnd(line: string, text: string): Promise<string> {
	const wanted = EXITS.find(([command]) => command.test(text))?.[1] ?? 0;
	const deadline = performance.now() + 30_000;
	for (;;) {
		const started = start(line);
		if (/--seconds|localhost:9090/.test(line)) {
			do await traffic();
			while (line.includes("--seconds") && alive(started.pid));
		}
		const code = await started.ended(30_000);
		const tooEarly = line.includes("localhost:9090") && !started.stdout().includes("=>");
		if (tooEarly && code === 0 && performance.now() < deadline) continue;
		if (code !== wanted) throw new Error(`exit ${code}, not ${wanted}: ${started.stderr() || started.stdout()}`);
		return started.stdout() + started.stderr();
	}
}

/** Until it has shown something of what happens meanwhile; then Ctrl-C, after which it ends by itself. */
async function endless(line: string, columns: number | null): Promise<string> {
	const started = start(line, columns);
	try {
		const least = columns === null ? 1 : 2;
		await until("something shown", 20_000, async () => {
			if (!alive(started.pid)) throw new Error(`it has ended: ${started.stderr() || started.stdout()}`);
			await traffic();
			return started.stdout().split("\n").filter(Boolean).length > least || undefined;
		});
		started.interrupt();
		const code = await started.ended(10_000);
		/* curl has no other way than to be ended by the signal. */
		const wanted = /^curl\b/.test(line) ? [null, 130] : [0];
		if (!wanted.includes(code)) throw new Error(`exit ${code} after Ctrl-C: ${started.stderr()}`);
		return started.stdout();
	} finally {
		started.kill();
	}
}

interface Running {
	finish(): Promise<void>;
	kill(): void;
}

async function service(line: string): Promise<Running> {
	const started = start(line);
	try {
		await until("the service", 30_000, () => {
			if (!alive(started.pid)) throw new Error(`it has ended: ${started.stderr()}`);
			return started.stderr().includes('"message":"running"') || undefined;
		});
	} catch (error) {
		started.kill();
		throw error;
	}
	const finish = async () => {
		started.interrupt();
		const code = await started.ended(15_000);
		started.kill();
		if (code !== 0) throw new Error(`${line}: exit ${code} after Ctrl-C: ${started.stderr()}`);
	};
	return { finish, kill: started.kill };
}

/** With the configuration that the page has shown. */
async function prometheus(): Promise<void> {
	const started = start(
		`exec prometheus --config.file=${join(etc, "prometheus.yml")} --storage.tsdb.path=${join(folder, "prometheus")} --web.listen-address=127.0.0.1:9090 --log.level=warn`,
	);
	stage.world.cleanup.defer(`prometheus ${started.pid}`, () => void end(started.pid, "SIGTERM", 5_000));
	await until("Prometheus", 20_000, async () => {
		if (!alive(started.pid)) throw new Error(`it has ended: ${started.stderr()}`);
		const ready = start("curl -sS http://127.0.0.1:9090/-/ready");
		return (await ready.ended(5_000)) === 0 || undefined;
	});
}

const start = (line: string, columns: number | null = null): Started => startLine(stage.world, folder, line, columns);

function once<T>(make: () => Promise<T>): () => Promise<T> {
	let made: Promise<T> | undefined;
	return () => (made ??= make());
}
