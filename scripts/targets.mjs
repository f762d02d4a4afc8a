/** The npm scripts: their needs and their commands. */
import { existsSync } from "node:fs";
import { instead, NODE, ROOT, Stop } from "./command.mjs";
import { HELP } from "./help.mjs";
import { npmPackagesAreThere } from "./npm-packages.mjs";
import { setUp } from "./setup.mjs";

const BIN = "node_modules/.bin";

/**
 * @typedef {object} Target
 * @property {string[]} needs purposes of packages.json; "build" includes the build itself
 * @property {(args: string[]) => string[]} [more] purposes that arguments add
 * @property {string} [program] runs the commands; Node 24 if not given
 * @property {string[][]} commands run one after another until one fails; the last one gets the arguments
 * @property {boolean} [partial] runs what the machine allows: a set-up that lacks rights is no failure
 */

/** @type {Record<string, Target>} */
export const TARGETS = {
	start: { needs: ["build"], program: "scripts/sallyport", commands: [["observe"]] },
	demo: { needs: ["build", "lab"], commands: [["test/demo/demo.ts"]] },
	build: { needs: ["build"], commands: [] },
	test: { needs: ["build", "lab", "test", "lint"], commands: [["scripts/test.ts", "quick"]], partial: true },
	"test:all": { needs: ["build", "lab", "test", "lint", "debian", "vm"], commands: [["scripts/test.ts", "all"]] },
	"test:rest": { needs: ["build", "lab", "test", "debian", "vm"], commands: [["scripts/test.ts", "rest"]] },
	"test:bypass": { needs: ["build", "lab"], commands: [["test/bypass/bypass.ts"]] },
	"test:corpus": { needs: ["build", "lab"], commands: [["test/corpus/corpus.ts"]] },
	"test:vm": { needs: ["build", "debian", "vm"], commands: [["test/vm/run.ts"]] },
	"test:spawn": { needs: ["build", "debian", "container"], commands: [["test/vm/spawn.ts"]] },
	"test:arm64": { needs: ["build", "debian", "arm64"], commands: [["test/vm/arm64.ts"]] },
	fuzz: { needs: ["build", "test"], commands: [["test/fuzz/fuzz.ts"]] },
	bench: { needs: ["build", "lab"], commands: [["test/bench/bench.ts"]] },
	"bpf:stats": { needs: ["build"], more: forGuest, commands: [["test/stats/stats.ts"]] },
	package: { needs: ["build"], more: forRpm, commands: [["scripts/package/package.ts"]] },
	lint: { needs: ["lint"], commands: [["scripts/lint.ts"]] },
	typecheck: { needs: [], commands: [[`${BIN}/tsc`]] },
	format: { needs: ["lint"], commands: [["scripts/lint.ts", "--write"]] },
};

/** @param {string[]} argv */
export async function main([name = "", ...args]) {
	try {
		process.exitCode = await run(name, args);
	} catch (error) {
		if (!(error instanceof Stop)) throw error;
		process.stderr.write(`${error.message}\n`);
		process.exitCode = 1;
	}
}

/** @param {string} name @param {string[]} args */
async function run(name, args) {
	const target = TARGETS[name];
	if (target === undefined) throw new Stop(`There is no target ${name}: ${Object.keys(TARGETS).join(", ")}.`);
	if (args.some((arg) => arg === "--help" || arg === "-h")) return help(name, args);
	if (target.commands.length === 0 && args.length > 0) throw new Stop(`npm run ${name} takes no arguments.`);
	await setUp([...target.needs, ...(target.more?.(args) ?? [])], { partial: target.partial === true });
	for (const [index, command] of target.commands.entries()) {
		const isLast = index === target.commands.length - 1;
		const code = await instead(target.program ?? NODE, isLast ? [...command, ...args] : command);
		if (code !== 0) return code;
	}
	return 0;
}

/** @param {string[]} args */
function forGuest(args) {
	return args.some((arg) => /^--kernel(=|$)/.test(arg)) ? ["debian", "vm"] : [];
}

/** @param {string[]} args */
function forRpm(args) {
	return args.includes("rpm") || !(args.includes("deb") || args.includes("tar")) ? ["package"] : [];
}

/**
 * Help installs nothing. The options of `npm start` are those of `sallyport observe`, which needs its packages to print them.
 *
 * @param {string} name @param {string[]} args
 */
async function help(name, args) {
	if (name === "start" && npmPackagesAreThere() && existsSync(`${ROOT}/src/main.ts`))
		return instead("scripts/sallyport", ["observe", ...args]);
	process.stdout.write(`${HELP[name]?.trim()}\n`);
	return 0;
}
