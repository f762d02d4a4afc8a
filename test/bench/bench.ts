/** npm run bench: the cost of the programs and of the daemon, one measure per id (P1 to P12). */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { GOALS, HELP } from "../../scripts/help.mjs";
import { known, readOptions } from "../../scripts/options.ts";
import { leftovers } from "../support/leftovers.ts";
import { prepare } from "./environment.ts";
import { p5 } from "./hello.ts";
import { p1, p2, p4, p6, p12, type Row } from "./measures.ts";
import { type Lengths, p7, p8, p9, p10 } from "./rates.ts";
import { p11 } from "./scrape.ts";
import { table } from "./table.ts";

const { values: options } = readOptions(HELP["bench"], {
	json: { type: "string" },
	only: { type: "string" },
	quick: { type: "boolean", default: false },
});
const COMPARED = { P1: [p1, 80], P4: [p4, 240], P6: [p6, 60], P12: [p12, 3], P2: [p2, 4] } as const;
const SINGLE = { P7: p7, P8: p8, P9: p9, P10: p10 } as const;
const LENGTHS: Lengths = options.quick
	? { storm: 3, flood: 5, steady: 5, idle: 5 }
	: { storm: 30, flood: 60, steady: 20, idle: 20 };

const only = options.only?.split(",");
known("goal", only ?? [], GOALS);
const included = (goal: string) => only === undefined || only.includes(goal);
const started = performance.now();
const say = (what: string) =>
	process.stderr.write(`bench: ${((performance.now() - started) / 1000).toFixed(0).padStart(3)} s  ${what}\n`);
const rows: Row[] = [];
const errors: string[] = [];
await measureCompared(Object.entries(COMPARED).filter(([goal]) => included(goal)));
if (included("P5")) await attempt("P5", () => p5(options.quick ? 5 : 25));
for (const [goal, measure] of Object.entries(SINGLE)) if (included(goal)) await attempt(goal, () => measure(LENGTHS));
if (included("P11")) await attempt("P11", () => p11(options.quick ? 5 : 20));
const seconds = (performance.now() - started) / 1000;
const machine = {
	kernel: release(),
	cpu: cpus()[0]?.model ?? "",
	cores: cpus().length,
	node: process.version,
	memoryKb: Number(/MemTotal:\s+(\d+)/.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]),
};
process.stdout.write(table(rows, process.stdout.isTTY));
process.stdout.write(
	`\n${machine.kernel}, ${machine.cores} x ${machine.cpu}, ${seconds.toFixed(0)} s. Medians of interleaved rounds; only the ratios carry over.\n`,
);
for (const error of errors) process.stdout.write(`not measured: ${error}\n`);
if (options.json !== undefined)
	writeFileSync(
		options.json,
		`${JSON.stringify({ date: new Date().toISOString(), machine, seconds, rows, errors }, null, 2)}\n`,
	);
const left = leftovers(true);
if (left.length > 0) process.stdout.write(`left behind: ${left.join(" ")}\n`);
process.exitCode = errors.length > 0 || left.length > 0 ? 1 : 0;

async function measureCompared(
	measures: readonly (readonly [string, (typeof COMPARED)[keyof typeof COMPARED]])[],
): Promise<void> {
	if (measures.length === 0) return;
	const environment = await prepare(say);
	try {
		await environment.world.server.listen("sink", 7002);
		for (const [goal, [measure, rounds]] of measures) {
			await environment.daemon.put(environment.many);
			await attempt(goal, () => measure(environment, options.quick ? Math.max(2, rounds >> 3) : rounds));
		}
	} finally {
		environment.world.close();
	}
}

async function attempt(goal: string, measure: () => Promise<Row[]>): Promise<void> {
	say(goal);
	try {
		rows.push(...(await measure()));
	} catch (error) {
		errors.push(`${goal}: ${error instanceof Error ? error.message : String(error)}`);
	}
}
