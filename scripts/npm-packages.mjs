import { existsSync, readFileSync } from "node:fs";
import { NODE, quietly, ROOT, Stop } from "./command.mjs";

/** Whether node_modules matches package-lock.json on this machine. */
export function npmPackagesAreThere() {
	if (!existsSync(NODE)) return false;
	const wanted = lockedPackages(`${ROOT}/package-lock.json`);
	const installed = lockedPackages(`${ROOT}/node_modules/.package-lock.json`);
	return Object.entries(wanted).every(([path, { version, optional }]) => {
		if (path === "") return true;
		const found = installed[path];
		/* An optional package that is not installed is for another architecture. */
		return found === undefined ? optional === true : found.version === version;
	});
}

export async function installNpmPackages() {
	/* npm must not run on the Node that it replaces. */
	const path = (process.env["PATH"] ?? "").split(":").filter((folder) => !folder.endsWith("node_modules/.bin"));
	try {
		await quietly("npm", ["ci", "--include=dev", "--loglevel=error", "--no-audit", "--no-fund"], {
			...process.env,
			PATH: path.join(":"),
		});
	} catch {
		throw new Stop("The npm packages could not be installed. Mend what `npm ci` reports, then run this again.");
	}
	if (!existsSync(NODE))
		throw new Stop(`There is no Node 24 for this machine (${process.arch}): x64 and arm64 are supported.`);
}

/** @typedef {{ version?: string, optional?: boolean }} Locked */

/**
 * @param {string} file
 * @returns {Record<string, Locked>} by path below the root; empty if the file is missing
 */
function lockedPackages(file) {
	return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}
