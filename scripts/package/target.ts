/** The architectures that packages are made for, with the files of Node and of the build for each. */
import { execFileSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { arch as own } from "node:process";
import { NODE, ROOT, Stop } from "../command.mjs";
import { crossBuild } from "./cross.ts";

export interface Names {
	readonly debian: string;
	readonly rpm: string;
	/** Triplet of the GNU compiler. */
	readonly triplet: string;
}

/** The build for an architecture. */
export interface Built {
	/** Folder of Node's npm package. */
	readonly node: string;
	readonly addon: string;
	/** Folders that have the addon's libraries. */
	readonly folders: readonly string[];
}

export interface Library {
	/** Name of the architecture in the addon. */
	readonly name: string;
	readonly path: string;
}

export interface Target extends Names, Built {
	/** Name of the architecture in Node. */
	readonly arch: string;
	/** The program `strip` for it. */
	readonly strip: string;
	/** Libraries included in the package. */
	readonly libraries: readonly Library[];
}

const NAMES: Readonly<Record<string, Names>> = {
	x64: { debian: "amd64", rpm: "x86_64", triplet: "x86_64-linux-gnu" },
	arm64: { debian: "arm64", rpm: "aarch64", triplet: "aarch64-linux-gnu" },
};

/** Versions of the host's libraries that are enough. Amazon Linux 2023 has glibc 2.34 and GCC 11. */
export const HOST = { glibc: "2.33", gcc: "9" };
/** The C++ library of GCC 9 is GLIBCXX 3.4.28. */
const VERSIONS = { GLIBC: HOST.glibc, GLIBCXX: "3.4.28" };

/** Throws Stop for an architecture that has no packages, and for files that need newer libraries than HOST. */
export async function targetFor(arch: string): Promise<Target> {
	const names = NAMES[arch];
	if (names === undefined) throw new Stop(`No packages are made for ${arch}: ${Object.keys(NAMES).join(", ")}.`);
	const { triplet } = names;
	const built =
		arch === own
			? {
					node: dirname(dirname(realpathSync(NODE))),
					addon: `${ROOT}/native/build/Release/sallyport.node`,
					folders: [`/usr/lib/${triplet}`, `/lib/${triplet}`, "/usr/lib64", "/lib64"],
				}
			: await crossBuild(arch, names);
	const tool = (name: string) => (arch === own ? name : `${triplet}-${name}`);
	const libraries = librariesOf(tool("objdump"), built.addon, built.folders);
	for (const file of [`${built.node}/bin/node`, built.addon, ...libraries.map(({ path }) => path)])
		checkVersions(tool("objdump"), file);
	return { arch, ...names, ...built, strip: tool("strip"), libraries };
}

function read(command: string, ...args: string[]): string {
	return execFileSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
}

/**
 * Libraries that the addon loads, except libc and those that Node contains. The package includes them, because hosts have other
 * versions.
 */
function librariesOf(objdump: string, addon: string, folders: readonly string[]): Library[] {
	const found = new Map<string, string>();
	const waiting = [addon];
	for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
		for (const [, name = ""] of read(objdump, "-p", file).matchAll(
			/NEEDED\s+(lib(?:bpf|elf|z|zstd|lzma|bz2)\.so\S*)/g,
		)) {
			if (found.has(name)) continue;
			const path = folders.map((folder) => join(folder, name)).find((each) => existsSync(each));
			if (path === undefined)
				throw new Stop(`${basename(file)} needs ${name}, which is in none of ${folders.join(", ")}.`);
			found.set(name, realpathSync(path));
			waiting.push(path);
		}
	}
	return [...found].map(([name, path]) => ({ name, path }));
}

/** A file linked with a newer compiler's library would not start on the hosts that the package is for. */
function checkVersions(objdump: string, file: string): void {
	const symbols = read(objdump, "-T", file);
	for (const [family, most] of Object.entries(VERSIONS)) {
		const needed = [...symbols.matchAll(new RegExp(`\\b${family}_([0-9.]+)`, "g"))].map(([, version = ""]) => version);
		const newer = needed.find((version) => version.localeCompare(most, "en", { numeric: true }) > 0);
		if (newer !== undefined) throw new Stop(`${basename(file)} needs ${family}_${newer}; hosts have ${most}.`);
	}
}
