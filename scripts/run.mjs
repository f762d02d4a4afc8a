/** What npm's scripts run: set up what is missing, then the commands of one target. */
import { instead, NODE, Stop } from "./command.mjs";
import { setUp } from "./setup.mjs";

const BIN = "node_modules/.bin";

/** `guest`: needed for `--kernel`. Each command is run with Node 24, or with the program that is named; the arguments after `--` go to the last one. */
const TARGETS = {
	build: { needs: ["build"], commands: [] },
	"test:vm": { needs: ["build", "debian", "vm"], commands: [["test/vm/run.ts"]] },
	"test:spawn": { needs: ["build", "debian", "container"], commands: [["test/vm/spawn.ts"]] },
	"test:arm64": { needs: ["build", "debian", "arm64"], commands: [["test/vm/arm64.ts"]] },
	package: { needs: ["build"], commands: [["scripts/package/package.mjs"]] },
	start: { needs: ["build"], program: "scripts/sallyport", commands: [["observe"]] },
	test: {
		needs: ["build", "lab", "test", "debian", "vm"],
		commands: [[`${BIN}/tsc`], [`${BIN}/biome`, "check"], [`${BIN}/vitest`, "run"]],
	},
	demo: { needs: ["build", "lab"], commands: [["test/demo/demo.ts"]] },
	"test:corpus": { needs: ["build", "lab"], commands: [["test/corpus/corpus.ts"]] },
	fuzz: { needs: ["build", "test"], commands: [["test/fuzz/fuzz.ts"]] },
	"bpf:stats": { needs: ["build"], guest: ["debian", "vm"], commands: [["test/stats/stats.ts"]] },
	bench: { needs: ["build", "lab"], commands: [["test/bench/bench.ts"]] },
	"test:bypass": { needs: ["build", "lab"], commands: [["test/bypass/bypass.ts"]] },
};

async function run(name, args) {
	const target = TARGETS[name];
	if (target === undefined) throw new Stop(`There is no target ${name}: ${Object.keys(TARGETS).join(", ")}.`);
	const inGuest = args.some((arg) => /^--kernel(=|$)/.test(arg));
	await setUp([...target.needs, ...(inGuest ? (target.guest ?? []) : [])]);
	for (const [index, command] of target.commands.entries()) {
		const isLast = index === target.commands.length - 1;
		const code = await instead(target.program ?? NODE, isLast ? [...command, ...args] : command);
		if (code !== 0) return code;
	}
	return 0;
}

const [name, ...args] = process.argv.slice(2);
try {
	process.exitCode = await run(name, args);
} catch (error) {
	if (!(error instanceof Stop)) throw error;
	process.stderr.write(`${error.message}\n`);
	process.exitCode = 1;
}
