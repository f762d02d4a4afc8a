import { existsSync, readFileSync } from "node:fs";
import { NODE, quietly, ROOT, Stop } from "./command.mjs";

/** True if node_modules is what package-lock.json asks for on this machine. */
export function npmPackagesAreThere() {
	if (!existsSync(NODE)) return false;
	const wanted = lockedPackages(`${ROOT}/package-lock.json`);
	const installed = lockedPackages(`${ROOT}/node_modules/.package-lock.json`);
	return Object.entries(wanted).every(([path, { version, optional }]) => {
		if (path === "") return true;
		// An optional package that is not installed is one for another kind of machine.
		return path in installed ? installed[path].version === version : optional === true;
	});
}

export async function installNpmPackages() {
	// npm must not run on the Node that it is about to replace.
	const path = process.env.PATH.split(":").filter((folder) => !folder.endsWith("node_modules/.bin"));
	try {
		await quietly("npm", ["ci", "--include=dev", "--loglevel=error", "--no-audit", "--no-fund"], {
			...process.env,
			PATH: path.join(":"),
		});
	} catch {
		throw new Stop("The npm packages could not be installed. When `npm ci --loglevel=error` works, run this again.");
	}
	if (!existsSync(NODE))
		throw new Stop(`There is no Node 24 for this machine (${process.arch}): x64 and arm64 are supported.`);
}

function lockedPackages(file) {
	return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}
