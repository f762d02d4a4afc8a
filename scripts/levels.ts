/** The levels of the tests: their projects, their needs, and what a run of npm test makes of a level that cannot run. */

export type Need = "rights" | "addon" | "lab" | "fuzz" | "guest";

export interface Level {
	readonly name: string;
	/** Projects of vitest.config.ts. */
	readonly projects: readonly string[];
	readonly needs: readonly Need[];
	/** On two quiet cores. */
	readonly minutes: number;
}

export interface LeftOut {
	readonly level: Level;
	/** A sentence. */
	readonly why: string;
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

/** By argument of scripts/test.ts. */
export const LEVELS = { quick: QUICK, rest: REST, all: [...QUICK, ...REST] } as const;

export type Which = keyof typeof LEVELS;

/** `obstacle`: why a need is not met here, or null. */
export function plan(which: Which, obstacle: (need: Need) => string | null): { able: Level[]; left: LeftOut[] } {
	const able: Level[] = [];
	const left: LeftOut[] = [];
	for (const level of LEVELS[which]) {
		const why = level.needs.map(obstacle).find((each) => each !== null);
		if (why === undefined) able.push(level);
		else left.push({ level, why });
	}
	return { able, left };
}

/** Lines for the end of a run. */
export function remarks(which: Which, left: readonly LeftOut[], inCi: boolean): string[] {
	const lines = left.map(({ level, why }) => `Left out ${level.name}: ${why}`);
	if (which === "quick") {
		const rest = REST.map(({ name, minutes }) => `${name} (${minutes} min)`).join(", ");
		lines.push(`Not part of npm test: ${rest}. Command: npm run test:rest`);
	}
	if (left.length > 0 && inCi) lines.push("With CI=true a level that is left out is a failure.");
	return lines;
}

/** Exit code 0 for a user without the required rights, but CI must not pass without these tests. */
export function exitCode(code: number, left: readonly LeftOut[], inCi: boolean): number {
	if (code !== 0) return code;
	return left.length > 0 && inCi ? 1 : 0;
}

export function inCi(value = process.env["CI"]): boolean {
	return !["", "0", "false"].includes(value ?? "");
}
