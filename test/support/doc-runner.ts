/** Runs the commands of a documentation page against a real daemon, and compares their output with the page. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Started, startLine } from "./doc-lines.ts";
import { type Command, commands, differences, isHeader, programs } from "./doc-pages.ts";
import { ROOT } from "./paths.ts";
import { alive, end, until } from "./run.ts";
import type { Stage } from "./stage.ts";

export interface Site {
	readonly stage: Stage;
	/** Working directory of the commands. */
	readonly folder: string;
	/** Replaces /etc/sallyport and /etc/prometheus. */
	readonly etc: string;
	/** Id of an existing record. */
	readonly someId: number;
}

/** Scripts of package.json that the test does not run, with the reason. */
const NPM: Record<string, string> = {
	start: "installs and builds first; what it then runs, `sallyport observe` with the same arguments, is run instead",
	test: "runs this test",
	demo: "builds first; makes a world like this one",
	bench: "takes minutes and the whole machine",
	"test:corpus": "reads captures that are no part of the project",
	fuzz: "takes as long as it is told",
	"bpf:stats": "builds first; loads each program anew",
};

/** Programs that a page may use. */
export const PROGRAMS = [
	...["sallyport", "scripts/sallyport", "curl", "jq", "npm", "openssl", "promtool"],
	...["cut", "date", "grep", "head", "printf", "sort", "source", "umask", "uniq"],
];

/** Commands with an exit code other than 0. */
const EXITS: readonly (readonly [command: RegExp, code: number])[] = [[/policy check wrong\.yaml/, 3]];

/** Commands that run until they are interrupted. `run` continues until the next `run` or the end of its page. */
const SERVICE = /sallyport run\b/;
const ENDLESS = /sallyport (?:observe|stream)\b(?!.*--seconds)|\/v1\/stream\b/;

/** Shortens the durations of a page, and replaces the host's paths and the record id by those of the test. */
function substitutions(site: Site): readonly (readonly [string | RegExp, string])[] {
	return [
		["/run/sallyport/sallyport.sock", site.stage.daemon.socket],
		[/\/sys\/fs\/cgroup\/[\w./-]+/g, site.stage.world.cgroup.path],
		[/\/etc\/(?:sallyport|prometheus)\//g, `${site.etc}/`],
		[/--seconds \d+/g, "--seconds 3"],
		[/scrape_interval: \d+s/g, "scrape_interval: 1s"],
		[/(?<=connections )\d{16}\b/g, String(site.someId)],
		[/^npm start(?: --)?/g, "sallyport observe"],
	];
}
/** A path of the host that remains after the substitutions is a defect of that table. */
const HOST_PATHS = /(?<!\/tmp\/[\w./-]*)\/(?:etc|run|var|sys|root|home)\/(?!fs\/cgroup\/[\w./-]*sallyport-test-)/;

export const get = (site: Site, url: string, unit = "agent.service") =>
	site.stage.world.run(["curl", "-sk", "--max-time", "2", url], { below: unit });

/** Allowed and denied connections of an agent, and one of another unit. */
async function traffic(site: Site): Promise<void> {
	await Promise.all([
		get(site, "https://api.model.example/"),
		get(site, "https://paste.evil.example/"),
		get(site, "https://drop.evil.example/"),
		get(site, "https://pixel.ads.example/"),
		get(site, "https://api.model.example/", "cron.service"),
		site.stage.node("api.model.example", 8443, undefined, "agent.service"),
	]);
}

/** Runs a page's commands and returns its errors, each with file and line. */
export async function failures(site: Site, page: string, text: string): Promise<string[]> {
	const found: string[] = [];
	const running: Running[] = [];
	const session: Session = {
		service: async (text) => {
			for (const each of running.splice(0)) await each.finish();
			running.push(await service(site, text));
		},
		prometheus: once(() => prometheus(site)),
	};
	const config = /```yaml\n(global:.*?)```/s.exec(text)?.[1];
	if (config !== undefined) writeFileSync(join(site.etc, "prometheus.yml"), substituted(site, config));
	try {
		for (const command of commands(page, text, PROGRAMS)) {
			try {
				await check(site, command, session);
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
	/** Starts the service and stops the one that the page has started before. */
	service(text: string): Promise<void>;
	prometheus(): Promise<void>;
}

async function check(site: Site, { text, output }: Command, session: Session): Promise<void> {
	const unknown = programs(text).filter((name) => !PROGRAMS.includes(name));
	if (unknown.length > 0) throw new Error(`the test does not know ${unknown.join(", ")}`);
	const npm = /^npm (?:run )?(\w+)/.exec(text)?.[1];
	if (npm !== undefined) {
		const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: object };
		if (!Object.hasOwn(scripts, npm)) throw new Error(`package.json has no script ${npm}`);
		if (!Object.hasOwn(NPM, npm)) throw new Error(`the test does not know npm's ${npm}`);
		if (npm !== "start") return;
	}
	const line = substituted(site, text);
	if (HOST_PATHS.test(line)) throw new Error(`a path of the host: ${HOST_PATHS.exec(line)?.[0]}`);
	if (SERVICE.test(line)) return session.service(line);
	if (line.includes("localhost:9090")) await session.prometheus();
	const shown = ENDLESS.test(line)
		? await endless(site, line, isHeader(output[0] ?? ""))
		: await toEnd(site, line, text);
	const different = differences(output, shown.replaceAll(`${site.folder}/`, ""));
	if (different.length > 0) throw new Error(`shown, but not so in fact: ${different.join("\n")}\nin fact:\n${shown}`);
}

function substituted(site: Site, text: string): string {
	return substitutions(site).reduce((line, [from, to]) => line.replaceAll(from, to), text);
}

/** Runs a command to its end. Repeats queries to Prometheus until it has scraped twice. */
async function toEnd(site: Site, line: string, text: string): Promise<string> {
	const expected = EXITS.find(([command]) => command.test(text))?.[1] ?? 0;
	const deadline = performance.now() + 30_000;
	for (;;) {
		const started = start(site, line, false);
		if (/--seconds|localhost:9090/.test(line)) {
			do await traffic(site);
			while (line.includes("--seconds") && alive(started.pid));
		}
		const code = await started.ended(30_000);
		const tooEarly = line.includes("localhost:9090") && !started.stdout().includes("=>");
		if (tooEarly && code === 0 && performance.now() < deadline) continue;
		if (code !== expected) throw new Error(`exit ${code}, not ${expected}: ${started.stderr() || started.stdout()}`);
		return started.stdout() + started.stderr();
	}
}

/** Runs a command until it has printed some output, then interrupts it and waits for its end. */
async function endless(site: Site, line: string, onTerminal: boolean): Promise<string> {
	const started = start(site, line, onTerminal);
	try {
		const least = onTerminal ? 2 : 1;
		await until("something shown", 20_000, async () => {
			if (!alive(started.pid)) throw new Error(`it has ended: ${started.stderr() || started.stdout()}`);
			await traffic(site);
			return started.stdout().split("\n").filter(Boolean).length > least || undefined;
		});
		started.interrupt();
		const code = await started.ended(10_000);
		/* curl is ended by the signal itself. */
		const expected = /^curl\b/.test(line) ? [null, 130] : [0];
		if (!expected.includes(code)) throw new Error(`exit ${code} after Ctrl-C: ${started.stderr()}`);
		return started.stdout();
	} finally {
		started.kill();
	}
}

interface Running {
	finish(): Promise<void>;
	kill(): void;
}

async function service(site: Site, line: string): Promise<Running> {
	const started = start(site, line, false);
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

/** Starts Prometheus with the page's configuration. */
async function prometheus(site: Site): Promise<void> {
	const started = start(
		site,
		`exec prometheus --config.file=${join(site.etc, "prometheus.yml")} --storage.tsdb.path=${join(site.folder, "prometheus")} --web.listen-address=127.0.0.1:9090 --log.level=warn`,
		false,
	);
	site.stage.world.cleanup.defer(`prometheus ${started.pid}`, () => void end(started.pid, "SIGTERM", 5_000));
	await until("Prometheus", 20_000, async () => {
		if (!alive(started.pid)) throw new Error(`it has ended: ${started.stderr()}`);
		const ready = start(site, "curl -sS http://127.0.0.1:9090/-/ready", false);
		return (await ready.ended(5_000)) === 0 || undefined;
	});
}

const start = (site: Site, line: string, onTerminal: boolean): Started =>
	startLine(site.stage.world, site.folder, line, onTerminal);

function once<T>(make: () => Promise<T>): () => Promise<T> {
	let made: Promise<T> | undefined;
	return () => (made ??= make());
}
