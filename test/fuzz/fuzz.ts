/** `npm run fuzz`: fuzzes each parser for a given time. Findings are stored in test/fuzz/found. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { HELP } from "../../scripts/help.mjs";
import { amount, known, readOptions } from "../../scripts/options.ts";
import { buildFuzzer, FOUND, inputsOf, logOf, PARSERS } from "./fuzzers.ts";
import { writeSeeds } from "./seeds.ts";

const { values } = readOptions(HELP["fuzz"], {
	seconds: { type: "string", default: "30" },
	runs: { type: "string" },
	parser: { type: "string" },
});
const selected = values.parser === undefined ? PARSERS : [values.parser];
known("parser", selected, PARSERS);
const LIMIT =
	values.runs === undefined
		? `-max_total_time=${amount("--seconds", values.seconds)}`
		: `-runs=${amount("--runs", values.runs)}`;

const rows: string[][] = [["parser", "seeds", "executions", "seconds", "a second", "findings"]];
for (const parser of selected) {
	const inputs = inputsOf(parser);
	const seeds = await writeSeeds(parser, inputs);
	const flags = [LIMIT, "-max_len=8192", "-len_control=0", "-print_final_stats=1", "-verbosity=0", "-timeout=10"];
	const program = buildFuzzer(parser);
	const began = performance.now();
	const { status, stderr } = spawnSync(program, [...flags, `-artifact_prefix=${join(FOUND, `${parser}-`)}`, inputs], {
		encoding: "utf8",
		maxBuffer: 64 << 20,
	});
	writeFileSync(logOf(parser), stderr);
	const executions = Number(/number_of_executed_units: (\d+)/.exec(stderr)?.[1] ?? 0);
	const seconds = (performance.now() - began) / 1000;
	const aSecond = Math.round(executions / seconds);
	rows.push([parser, `${seeds}`, `${executions}`, seconds.toFixed(1), `${aSecond}`, status === 0 ? "0" : "1"]);
	if (status !== 0) {
		process.stderr.write(stderr);
		process.exitCode = 1;
	}
}
for (const row of rows)
	process.stdout.write(`${row.map((text, index) => (index === 0 ? text.padEnd(8) : text.padStart(12))).join("")}\n`);
