/** For which machines a package is: what it takes of Node and of the build for them. */
import { execFileSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { arch as own } from "node:process";
import { NODE, ROOT, Stop } from "../command.mjs";
import { crossBuild } from "./cross.mjs";

/** What distributions and compilers call them. */
const NAMES = {
	x64: { debian: "amd64", rpm: "x86_64", triplet: "x86_64-linux-gnu" },
	arm64: { debian: "arm64", rpm: "aarch64", triplet: "aarch64-linux-gnu" },
};

/** What of the host's own libraries is enough. Amazon Linux 2023 has glibc 2.34 and GCC 11. */
export const HOST = { glibc: "2.33", gcc: "9" };
/** GCC 9's C++ library is 3.4.28. */
const VERSIONS = { GLIBC: HOST.glibc, GLIBCXX: "3.4.28" };

/** `node`: npm's folder of Node; `libraries`: name and path of each that goes along with the addon; `strip`: the tool. */
export async function targetFor(arch) {
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
	const tool = (name) => (arch === own ? name : `${triplet}-${name}`);
	const libraries = librariesOf(tool("objdump"), built.addon, built.folders);
	for (const file of [`${built.node}/bin/node`, built.addon, ...libraries.map(({ path }) => path)])
		checkVersions(tool("objdump"), file);
	return { arch, ...names, ...built, strip: tool("strip"), libraries };
}

const read = (command, ...args) => execFileSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });

/* What the addon loads besides libc and what is in Node itself: it goes along, so that no host needs the same versions. */
function librariesOf(objdump, addon, folders) {
	const found = new Map();
	const waiting = [addon];
	for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
		for (const [, name] of read(objdump, "-p", file).matchAll(/NEEDED\s+(lib(?:bpf|elf|z|zstd|lzma|bz2)\.so\S*)/g)) {
			if (found.has(name)) continue;
			const path = folders.map((folder) => join(folder, name)).find(existsSync);
			if (path === undefined)
				throw new Stop(`${basename(file)} needs ${name}, which is in none of ${folders.join(", ")}.`);
			found.set(name, realpathSync(path));
			waiting.push(path);
		}
	}
	return [...found].map(([name, path]) => ({ name, path }));
}

/* A newer compiler's library, once linked, would shut out the hosts that the package is for. */
function checkVersions(objdump, file) {
	const symbols = read(objdump, "-T", file);
	for (const [family, most] of Object.entries(VERSIONS)) {
		const needed = [...symbols.matchAll(new RegExp(`\\b${family}_([0-9.]+)`, "g"))].map(([, version]) => version);
		const newer = needed.find((version) => version.localeCompare(most, "en", { numeric: true }) > 0);
		if (newer !== undefined) throw new Stop(`${basename(file)} needs ${family}_${newer}; hosts have ${most}.`);
	}
}
