import { existsSync, readdirSync, readFileSync } from "node:fs";
import { quietly, ROOT, Stop } from "./command.mjs";

const FOLDERS = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];

/**
 * @typedef {object} Entry
 * @property {string} has a program on the PATH, or a file, in whose path `*` matches any characters
 * @property {string} debian package
 * @property {string} [dnf] package; without it, the program is optional there
 * @property {string} for purpose
 * @property {string} why
 */

/**
 * Entries of packages.json that this machine lacks.
 *
 * @param {readonly string[]} purposes
 * @returns {Entry[]}
 */
export function missingSystemPackages(purposes) {
	/** @type {Entry[]} */
	const entries = JSON.parse(readFileSync(`${ROOT}/scripts/packages.json`, "utf8"));
	return entries.filter((entry) => purposes.includes(entry.for) && !isThere(entry.has));
}

/** @param {readonly Entry[]} missing */
export async function installSystemPackages(missing) {
	const manager = isThere("apt-get") ? APT : isThere("dnf") ? DNF : null;
	if (manager === null) {
		const needed = missing.map((entry) => entry.has).join(", ");
		throw new Stop(`This machine has neither apt-get nor dnf. Install the packages that provide: ${needed}.`);
	}
	const names = missing.flatMap((entry) => entry[manager.distribution] ?? []);
	if (names.length === 0) return;
	const byHand = [...manager.install, ...names].join(" ");
	if (process.getuid?.() !== 0) throw new Stop(`Packages are missing, and only root can install them: sudo ${byHand}`);
	const [command = "", ...args] = [...manager.install, ...names];
	try {
		await manager.refresh();
		await quietly(command, args, { ...process.env, DEBIAN_FRONTEND: "noninteractive" });
	} catch {
		throw new Stop(`System packages could not be installed. Mend what this reports, then run it again: ${byHand}`);
	}
}

const APT = {
	distribution: /** @type {const} */ ("debian"),
	/* Old lists name versions that the mirror has dropped. Without a network the packages may still be in the cache. */
	refresh: () => quietly("apt-get", ["update"]).catch(() => {}),
	install: ["apt-get", "install", "-y", "--no-install-recommends"],
};

const DNF = {
	distribution: /** @type {const} */ ("dnf"),
	refresh: async () => {},
	install: ["dnf", "install", "-y"],
};

/** @param {string} what */
function isThere(what) {
	return what.startsWith("/")
		? isFile("/", what.slice(1).split("/"))
		: FOLDERS.some((folder) => existsSync(`${folder}/${what}`));
}

/**
 * @param {string} folder with a slash at its end
 * @param {readonly string[]} path below it
 * @returns {boolean}
 */
function isFile(folder, [name, ...rest]) {
	if (name === undefined) return existsSync(folder);
	if (!name.includes("*")) return isFile(`${folder}${name}${rest.length > 0 ? "/" : ""}`, rest);
	const pattern = new RegExp(`^${name.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
	const found = existsSync(folder) ? readdirSync(folder).filter((entry) => pattern.test(entry)) : [];
	return found.some((entry) => isFile(folder, [entry, ...rest]));
}
