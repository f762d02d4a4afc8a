/** The levels of npm test: every test file belongs to one. A file that cannot run here is reported, and fails in CI. */
import { globSync } from "node:fs";
import { matchesGlob } from "node:path";
import { expect, test } from "vitest";
import { exitCode, inCi, LEVELS, plan, remarks } from "../../scripts/levels.ts";
import config from "../../vitest.config.ts";
import { ROOT } from "../support/paths.ts";

interface Project {
	readonly name: string;
	readonly include: readonly string[];
	readonly exclude: readonly string[];
}

const PROJECTS = (config.test?.projects ?? []).map((each) => (each as unknown as { readonly test: Project }).test);
const FILES = globSync("test/**/*.test.ts", { cwd: ROOT });

const NO_ROOT = (need: string) => (need === "rights" ? "Sallyport must run as root." : null);

test("every test file is in one project, and every project in one level of test:all", () => {
	const matches = (file: string, globs: readonly string[]) => globs.some((glob) => matchesGlob(file, glob));
	expect(FILES.length).toBeGreaterThan(100);
	for (const file of FILES) {
		const found = PROJECTS.filter(({ include, exclude }) => matches(file, include) && !matches(file, exclude));
		expect(found, file).toHaveLength(1);
	}
	const levels = LEVELS.all.flatMap(({ projects }) => projects);
	expect(levels.toSorted()).toEqual(PROJECTS.map(({ name }) => name).sort());
	expect(LEVELS.all).toEqual([...LEVELS.quick, ...LEVELS.rest]);
});

test("with all requirements met nothing is left out, and npm test names the other levels with their commands", () => {
	const { able, left } = plan("quick", () => null);
	expect([able, left]).toEqual([LEVELS.quick, []]);
	expect(remarks("quick", left, true)).toEqual([expect.stringMatching(/corpus.*fuzz.*guest.*npm run test:rest$/)]);
	expect([exitCode(0, left, true), exitCode(1, left, false)]).toEqual([0, 1]);
});

test("without root unit tests run, the others are reported in one line, and only a person gets 0", () => {
	const { able, left } = plan("quick", NO_ROOT);
	expect(able.map(({ name }) => name)).toEqual(["unit"]);
	expect(remarks("quick", left, false)[0]).toBe("Left out native, bpf, e2e, bypass: Sallyport must run as root.");
	expect(exitCode(0, left, false)).toBe(0);
	expect(exitCode(0, left, true)).toBe(1);
	expect(remarks("quick", left, true).at(-1)).toContain("CI=true");
	expect(plan("rest", NO_ROOT).able.map(({ name }) => name)).toEqual(["fuzz"]);
});

test("CI is set by any value but an empty, 0 or false one", () => {
	expect(["true", "1", "", "0", "false", undefined].map((value) => inCi(value ?? ""))).toEqual([
		true,
		true,
		false,
		false,
		false,
		false,
	]);
});
