import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { quietly, ROOT, Stop } from "../command.mjs";
import type { Built, Names } from "./target.ts";

/** Debian packages that the addon is compiled and linked against: unpacked, not installed. */
const SYSROOT = ["libbpf-dev", "libelf-dev", "zlib1g-dev", "libbpf1", "libelf1", "zlib1g"];

/**
 * Node and the addon for another architecture, in build/ARCH. The BPF object is the same for all. Throws Stop unless the host has the
 * cross compiler (g++-aarch64-linux-gnu) and mmdebstrap.
 */
export async function crossBuild(arch: string, { debian, triplet }: Names): Promise<Built> {
	for (const tool of [`${triplet}-g++`, "mmdebstrap"]) need(tool, triplet);
	const work = `${ROOT}/build/${arch}`;
	mkdirSync(work, { recursive: true });
	const sysroot = await once(`${work}/sysroot`, async (part) => {
		await quietly("mmdebstrap", [
			...["--quiet", "--variant=extract", `--architectures=${debian}`, `--include=${SYSROOT.join()}`, "bookworm"],
			`${part}.tar`,
		]);
		await quietly("tar", ["-xf", `${part}.tar`, "-C", part]);
		rmSync(`${part}.tar`);
	});
	const folders = [`${sysroot}/usr/lib/${triplet}`, `${sysroot}/lib/${triplet}`];
	const { optionalDependencies } = JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8"));
	const name = `node-linux-${arch}`;
	const version: string = optionalDependencies[name];
	const node = await once(`${work}/${name}-${version}`, async (part) => {
		await quietly("npm", ["pack", "--silent", "--pack-destination", part, `${name}@${version}`]);
		await quietly("tar", ["-xf", `${part}/${name}-${version}.tgz`, "--strip-components=1", "-C", part]);
	});
	return { node, folders, addon: await crossBuildAddon({ work, sysroot, folders, triplet }) };
}

interface Setting {
	readonly work: string;
	readonly sysroot: string;
	readonly folders: readonly string[];
	readonly triplet: string;
}

async function crossBuildAddon({ work, sysroot, folders, triplet }: Setting): Promise<string> {
	const toolchain = `${work}/toolchain.cmake`;
	writeFileSync(
		toolchain,
		`set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${triplet.split("-")[0]})
set(CMAKE_C_COMPILER ${triplet}-gcc)
set(CMAKE_CXX_COMPILER ${triplet}-g++)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_MODULE_LINKER_FLAGS_INIT "${folders.map((folder) => `-Wl,-rpath-link,${folder}`).join(" ")}")
`,
	);
	/* CMake reads a toolchain file only at the first configuration. */
	rmSync(`${work}/native`, { recursive: true, force: true });
	const environment = {
		...process.env,
		PKG_CONFIG_SYSROOT_DIR: sysroot,
		PKG_CONFIG_LIBDIR: `${sysroot}/usr/lib/${triplet}/pkgconfig:${sysroot}/usr/share/pkgconfig`,
	};
	const args = ["build", "-d", "native", "-O", `${work}/native`, `--CDCMAKE_TOOLCHAIN_FILE=${toolchain}`];
	await quietly(`${ROOT}/node_modules/.bin/cmake-js`, args, environment);
	return `${work}/native/Release/sallyport.node`;
}

/** Fills a folder unless it exists. A folder that could not be filled does not exist afterwards. */
async function once(folder: string, fill: (part: string) => Promise<void>): Promise<string> {
	if (existsSync(folder)) return folder;
	const part = `${folder}.part`;
	rmSync(part, { recursive: true, force: true });
	mkdirSync(part, { recursive: true });
	await fill(part);
	renameSync(part, folder);
	return folder;
}

function need(tool: string, triplet: string): void {
	try {
		execFileSync("which", [tool], { stdio: "ignore" });
	} catch {
		throw new Stop(`A build for another architecture needs ${tool}: apt-get install g++-${triplet} mmdebstrap`);
	}
}
