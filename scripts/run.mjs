/*
 * Entry of every npm script: run.mjs TARGET [ARGUMENT...]. The Node on the PATH may be any version. This file is parsed by all that
 * have ES modules (12.20), so that an old one is reported before a module with newer syntax is loaded.
 */
import { readFileSync } from "node:fs";

const { engines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const needed = engines.node.replace(">=", "");

if (isOlder(process.versions.node, needed)) {
	process.stderr.write(
		`Sallyport's scripts need Node ${needed} or later and this is Node ${process.versions.node}: install a newer one from https://nodejs.org or your distribution.\n`,
	);
	process.exitCode = 1;
} else {
	import("./targets.mjs").then(({ main }) => main(process.argv.slice(2)));
}

/** @param {string} version @param {string} least */
function isOlder(version, least) {
	const [major = 0, minor = 0] = version.split(".").map(Number);
	const [leastMajor = 0, leastMinor = 0] = least.split(".").map(Number);
	return major < leastMajor || (major === leastMajor && minor < leastMinor);
}
