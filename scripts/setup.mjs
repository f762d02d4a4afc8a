import { build, isBuilt } from "./build.mjs";
import { installNpmPackages, npmPackagesAreThere } from "./npm-packages.mjs";
import { installSystemPackages, missingSystemPackages } from "./system-packages.mjs";

/** Brings what is missing, and nothing else. Progress goes to stderr: stdout belongs to the daemon. */
export async function setUp(purposes) {
	const missing = missingSystemPackages(purposes);
	if (missing.length > 0) {
		const names = missing.map((entry) => entry.has).join(", ");
		await step(`system packages (${names})`, () => installSystemPackages(missing));
	}
	if (!npmPackagesAreThere()) await step("npm packages and Node 24", installNpmPackages);
	if (!isBuilt()) await step("BPF programs and addon", build);
}

async function step(name, work) {
	const begin = performance.now();
	process.stderr.write(`setup: ${name} ...\n`);
	await work();
	process.stderr.write(`setup: ${name}: ${((performance.now() - begin) / 1000).toFixed(1)} s\n`);
}
