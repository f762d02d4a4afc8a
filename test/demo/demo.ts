/**
 * npm run demo: real clients under a real policy, in separate network namespaces. The demo does not affect the host: the daemon
 * watches a cgroup that the demo created, and all traffic stays in two network namespaces.
 */
import { HELP } from "../../scripts/help.mjs";
import { readOptions } from "../../scripts/options.ts";
import { records, type Seen, status } from "../support/api.ts";
import { Daemon } from "../support/daemon.ts";
import { leftovers } from "../support/leftovers.ts";
import { run, sleep } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import { World } from "../support/world.ts";
import { type Attempt, attempts } from "./attempts.ts";
import { NAMELESS4, POLICY, ZONE } from "./network.ts";
import { type ClientResult, resultOf } from "./outcome.ts";
import { painter, row, rule, title } from "./screen.ts";

readOptions(HELP["demo"], {});
const paint = painter(process.stdout.isTTY && process.env.NO_COLOR === undefined);
const started = performance.now();
const say = (line: string) => void process.stdout.write(`${line}\n`);
let surprises = 0;

if (process.geteuid?.() !== 0) {
	process.stderr.write("The demo must run as root: it makes network namespaces and loads programs into the kernel.\n");
	process.exit(10);
}

const world = await World.make();
try {
	await world.server.zone(ZONE);
	for (const [kind, port] of [
		["tls", 443],
		["tls", 8443],
		["http", 80],
		["sink", 25],
		["udp", 5000],
	] as const)
		await world.server.listen(kind, port);
	const daemon = await Daemon.start(world, POLICY);
	say(
		paint(
			"dim",
			[
				`Own cgroup and network namespaces, DNS, TLS servers, Sallyport: ready in ${seconds()}.`,
				"Column bytes: what the server received. The policy:\n",
			].join("\n"),
		),
	);
	for (const line of POLICY.trimEnd().split("\n")) say(`    ${line}`);
	say("");
	say(paint("bold", title()));
	say(paint("dim", rule()));
	for (const attempt of attempts(world)) {
		if (typeof attempt === "string") say(paint("dim", attempt));
		else await show(daemon, attempt);
	}
	await withoutDaemon(daemon);
	say(paint("dim", rule()));
} finally {
	world.close();
}

const left = leftovers(true);
say(
	left.length === 0
		? `Nothing is left: no namespace, cgroup, mount, program or process. ${seconds()}.`
		: `Left behind: ${left.join(" ")}`,
);
if (surprises > 0) say(paint("red", `${surprises} did not go as the policy says.`));
process.exitCode = surprises > 0 || left.length > 0 ? 1 : 0;

async function show(daemon: Daemon, attempt: Attempt): Promise<void> {
	const [outcome, result, arrived] = await act(attempt);
	const seen = await decided(daemon, outcome.pid);
	const surprise = result.ok !== attempt.allowed || seen === null || (!attempt.allowed && arrived > 0);
	if (surprise) surprises += 1;
	say(row(paint, { tried: attempt.shown, result, arrived, seen, surprise }));
}

async function act(attempt: Attempt) {
	await world.server.clear();
	const argv = world.argv(attempt.argv, attempt.unit);
	const outcome = await run(argv, { env: cleanEnvironment(), timeout: 8_000 });
	const all = await world.server.record();
	const there = all.filter((each) => each.port === attempt.at.port && (attempt.at.at ?? each.at) === each.at);
	const result: ClientResult = resultOf(attempt.argv[0] ?? "", outcome);
	return [outcome, result, there.reduce((sum, each) => sum + each.bytes, 0)] as const;
}

/**
 * The record of the attempt: its denial, or else the newest allowed connection that has ended. Packets of a raw socket have no
 * process in their record, so they are found by protocol.
 */
async function decided(daemon: Daemon, pid: number): Promise<Seen | null> {
	for (let tries = 0; tries < 50; tries++) {
		const own = (await records(daemon)).filter(
			(each) => each.pid === pid || (each.pid === null && each.protocol === "icmp"),
		);
		const explains =
			own.find((each) => each.verdict === "deny") ?? own.find((each) => each.kind === "connection" && !each.open);
		if (explains !== undefined) return explains;
		await sleep(20);
	}
	return null;
}

/** The last step: the daemon is killed, and denials continue. */
async function withoutDaemon(daemon: Daemon): Promise<void> {
	say(paint("dim", "agent.service after kill -9 of the daemon: the kernel still enforces"));
	daemon.kill();
	const list = attempts(world).filter((each): each is Attempt => typeof each !== "string");
	for (const shown of ["curl https://api.model.example", `curl http://${NAMELESS4}`]) {
		const attempt = list.find((each) => each.shown === shown && each.unit === "agent.service");
		if (attempt === undefined) continue;
		const [, result, arrived] = await act(attempt);
		const surprise = result.ok !== attempt.allowed;
		if (surprise) surprises += 1;
		say(row(paint, { tried: shown, result, arrived, seen: null, surprise }));
	}
	await daemon.start();
	say(
		paint(
			"dim",
			`Started again: it ${(await status(daemon)).adopted ? "adopted what it found in the kernel" : "LOADED ANEW"}.`,
		),
	);
}

function seconds(): string {
	return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
