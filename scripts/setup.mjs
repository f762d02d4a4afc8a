import { build, isBuilt } from "./build.mjs";
import { Stop } from "./command.mjs";
import { installNpmPackages, npmPackagesAreThere } from "./npm-packages.mjs";
import { installSystemPackages, missingSystemPackages } from "./system-packages.mjs";

/**
 * Installs and builds what is missing, and nothing else. Progress goes to stderr: stdout belongs to the daemon.
 *
 * @param {string[]} purposes of packages.json
 * @param {{ partial?: boolean }} [options] partial: without root, missing system packages are left out, and the caller reports that
 */
export async function setUp(purposes, { partial = false } = {}) {
	const mayInstall = process.getuid?.() === 0;
	const missing = missingSystemPackages(purposes);
	if (missing.length > 0 && (mayInstall || !partial)) {
		const names = missing.map((entry) => entry.has).join(", ");
		await step(`system packages (${names})`, () => installSystemPackages(missing));
	}
	if (!npmPackagesAreThere()) await step("npm packages and Node 24", installNpmPackages);
	if (!purposes.includes("build") || isBuilt()) return;
	if (missingSystemPackages(["build"]).length > 0) {
		if (partial) return;
		throw new Stop("The build needs system packages that are missing.");
	}
	await step("BPF programs and addon", build);
}

/** @param {string} name @param {() => Promise<unknown>} work */
async function step(name, work) {
	const begin = performance.now();
	process.stderr.write(`setup: ${name} ...\n`);
	await work();
	process.stderr.write(`setup: ${name}: ${((performance.now() - begin) / 1000).toFixed(1)} s\n`);
}
