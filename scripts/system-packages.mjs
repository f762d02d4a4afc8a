import { existsSync, readdirSync, readFileSync } from "node:fs";
import { quietly, ROOT, Stop } from "./command.mjs";

const FOLDERS = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];

/** Packages of packages.json that this machine lacks. */
export function missingSystemPackages(purposes) {
	return JSON.parse(readFileSync(`${ROOT}/scripts/packages.json`, "utf8")).filter(
		(entry) => purposes.includes(entry.for) && !isThere(entry.has),
	);
}

export async function installSystemPackages(missing) {
	const manager = isThere("apt-get") ? APT : isThere("dnf") ? DNF : null;
	if (manager === null) {
		const needed = missing.map((entry) => entry.has).join(", ");
		throw new Stop(`This machine has neither apt-get nor dnf. Install what provides: ${needed}.`);
	}
	const names = missing.map((entry) => entry[manager.distribution]);
	const byHand = `${manager.install.join(" ")} ${names.join(" ")}`;
	if (process.getuid() !== 0) throw new Stop(`Packages are missing, and only root can install them: sudo ${byHand}`);
	try {
		await manager.refresh();
		await quietly(manager.install[0], [...manager.install.slice(1), ...names], {
			...process.env,
			DEBIAN_FRONTEND: "noninteractive",
		});
	} catch {
		throw new Stop(`The system's packages could not be installed. When this works, run it again: ${byHand}`);
	}
}

const APT = {
	distribution: "debian",
	// Old lists name versions that the mirror has dropped. Without a network the packages may still be in the cache.
	refresh: () => quietly("apt-get", ["update"]).catch(() => {}),
	install: ["apt-get", "install", "-y", "--no-install-recommends"],
};

const DNF = {
	distribution: "dnf",
	refresh: async () => {},
	install: ["dnf", "install", "-y"],
};

/** A program on the path, or a file; in a file's name `*` is anything. */
function isThere(what) {
	return what.startsWith("/")
		? isFile("/", what.slice(1).split("/"))
		: FOLDERS.some((folder) => existsSync(`${folder}/${what}`));
}

function isFile(folder, [name, ...rest]) {
	if (name === undefined) return existsSync(folder);
	if (!name.includes("*")) return isFile(`${folder}${name}${rest.length > 0 ? "/" : ""}`, rest);
	const pattern = new RegExp(`^${name.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
	const found = existsSync(folder) ? readdirSync(folder).filter((entry) => pattern.test(entry)) : [];
	return found.some((entry) => isFile(folder, [entry, ...rest]));
}
