/** npm test, npm run test:all and npm run test:rest: runs the levels that this machine allows, and reports the others. */
import { spawnSync } from "node:child_process";
import { findObstacle, readFacts } from "../src/system/preflight.ts";
import { isBuilt } from "./build.mjs";
import { instead, NODE } from "./command.mjs";
import { exitCode, inCi, LEVELS, type Level, type Need, plan, remarks, type Which } from "./levels.ts";
import { missingSystemPackages } from "./system-packages.mjs";

const VITEST = ["node_modules/.bin/vitest", "run"];
const OBSTACLES: Readonly<Record<Need, () => string | null>> = {
	rights() {
		const obstacle = findObstacle(readFacts());
		if (obstacle !== null) return obstacle.message;
		const { status } = spawnSync("unshare", ["--mount", "--net", "true"], { stdio: "ignore" });
		return status === 0 ? null : "This process may not make mount and network namespaces (CAP_SYS_ADMIN).";
	},
	addon: () => (isBuilt() ? null : "The addon is not built."),
	lab: () => missing("lab", "test"),
	fuzz: () => missing("build", "test"),
	guest: () => missing("debian", "vm"),
};

const [which = "", ...args] = process.argv.slice(2);
process.exitCode = args.length > 0 ? await instead(NODE, [...VITEST, ...args]) : await main(which);

async function main(name: string): Promise<number> {
	const chosen: Which = name in LEVELS ? (name as Which) : "quick";
	const { able, left } = plan(chosen, (need) => OBSTACLES[need]());
	const code = (chosen === "rest" ? 0 : await checkSources()) || (await runProjects(able));
	for (const line of remarks(chosen, left, inCi())) process.stdout.write(`${line}\n`);
	return exitCode(code, left, inCi());
}

async function checkSources(): Promise<number> {
	return (await instead(NODE, ["node_modules/.bin/tsc"])) || (await instead(NODE, ["scripts/lint.ts"]));
}

async function runProjects(levels: readonly Level[]): Promise<number> {
	const projects = levels.flatMap((level) => level.projects);
	return projects.length === 0 ? 0 : instead(NODE, [...VITEST, ...projects.map((project) => `--project=${project}`)]);
}

function missing(...purposes: string[]): string | null {
	const names = missingSystemPackages(purposes).map(({ has }) => has);
	return names.length === 0 ? null : `These are not installed: ${names.join(", ")}.`;
}
