/** npm test, npm run test:all and npm run test:rest: runs the levels that this machine allows, and reports the others. */
import { spawnSync } from "node:child_process";
import { findObstacle, readFacts } from "../src/system/preflight.ts";
import { isBuilt } from "./build.mjs";
import { instead, NODE } from "./command.mjs";
import { missingSystemPackages } from "./system-packages.mjs";

type Need = "rights" | "addon" | "lab" | "fuzz" | "guest";

interface Level {
	readonly name: string;
	/** Of vitest.config.ts. */
	readonly projects: readonly string[];
	readonly needs: readonly Need[];
	/** On two quiet cores. */
	readonly minutes: number;
}

const QUICK: readonly Level[] = [
	{ name: "unit", projects: ["unit"], needs: [], minutes: 3 },
	{
		name: "native, bpf, e2e, bypass",
		projects: ["kernel", "kernel-alone"],
		needs: ["rights", "lab", "addon"],
		minutes: 5,
	},
];
const REST: readonly Level[] = [
	{ name: "corpus", projects: ["corpus"], needs: ["rights", "addon"], minutes: 1 },
	{ name: "fuzz", projects: ["fuzz"], needs: ["fuzz"], minutes: 2 },
	{ name: "guest", projects: ["guest"], needs: ["rights", "addon", "guest"], minutes: 20 },
];
const LEVELS = { quick: QUICK, rest: REST, all: [...QUICK, ...REST] } as const;

const VITEST = ["node_modules/.bin/vitest", "run"];

/** What keeps a level from running here: one sentence, or null. */
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

process.exitCode = await main(process.argv.slice(2));

async function main([which = "", ...args]: readonly string[]): Promise<number> {
	if (args.length > 0) return instead(NODE, [...VITEST, "--passWithNoTests=false", ...args]);
	const levels = which in LEVELS ? LEVELS[which as keyof typeof LEVELS] : QUICK;
	const left = levels.map((level) => ({ level, why: obstacleOf(level) })).filter(({ why }) => why !== null);
	const able = levels.filter((level) => left.every((each) => each.level !== level));
	const code = (which === "rest" ? 0 : await checkSources()) || (await runProjects(able));
	for (const { level, why } of left) print(`Left out ${level.name}: ${why}`);
	if (which === "quick") print(`Not part of npm test: ${described(REST)}. Command: npm run test:rest`);
	if (left.length > 0 && inCi()) print("With CI=true a level that is left out is a failure.");
	return code || (left.length > 0 && inCi() ? 1 : 0);
}

async function checkSources(): Promise<number> {
	return (await instead(NODE, ["node_modules/.bin/tsc"])) || (await instead(NODE, ["scripts/lint.ts"]));
}

async function runProjects(levels: readonly Level[]): Promise<number> {
	const projects = levels.flatMap((level) => level.projects);
	return projects.length === 0 ? 0 : instead(NODE, [...VITEST, ...projects.map((project) => `--project=${project}`)]);
}

/** One sentence, or null. */
function obstacleOf({ needs }: Level): string | null {
	for (const need of needs) {
		const obstacle = OBSTACLES[need]();
		if (obstacle !== null) return obstacle;
	}
	return null;
}

function missing(...purposes: string[]): string | null {
	const names = missingSystemPackages(purposes).map(({ has }) => has);
	return names.length === 0 ? null : `These are not installed: ${names.join(", ")}.`;
}

function described(levels: readonly Level[]): string {
	return levels.map(({ name, minutes }) => `${name} (${minutes} min)`).join(", ");
}

function inCi(): boolean {
	return !["", "0", "false"].includes(process.env["CI"] ?? "");
}

function print(line: string): void {
	process.stdout.write(`${line}\n`);
}
