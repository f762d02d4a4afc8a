import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { quietly, ROOT, Stop } from "../command.mjs";

/** Of Debian, unpacked and not installed: what the addon is compiled and linked against. */
const SYSROOT = ["libbpf-dev", "libelf-dev", "zlib1g-dev", "libbpf1", "libelf1", "zlib1g"];

/**
 * Node and the addon for machines of another kind, in build/ARCH: a Debian host with g++ for them (g++-aarch64-linux-gnu) and mmdebstrap.
 * The BPF object is the same for all of them. Returns folders: `node` of npm's package, `folders` of the libraries.
 */
export async function crossBuild(arch, { debian, triplet }) {
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
	const node = await once(`${work}/${name}-${optionalDependencies[name]}`, async (part) => {
		await quietly("npm", ["pack", "--silent", "--pack-destination", part, `${name}@${optionalDependencies[name]}`]);
		await quietly("tar", [
			"-xf",
			`${part}/${name}-${optionalDependencies[name]}.tgz`,
			"--strip-components=1",
			"-C",
			part,
		]);
	});
	return { node, folders, addon: await addonFor({ work, sysroot, folders, triplet }) };
}

async function addonFor({ work, sysroot, folders, triplet }) {
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
	/* What a toolchain says counts at the first configuration alone. */
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

/* A folder that is filled whole or not at all. */
async function once(folder, fill) {
	if (existsSync(folder)) return folder;
	const part = `${folder}.part`;
	rmSync(part, { recursive: true, force: true });
	mkdirSync(part, { recursive: true });
	await fill(part);
	renameSync(part, folder);
	return folder;
}

function need(tool, triplet) {
	try {
		execFileSync("which", [tool], { stdio: "ignore" });
	} catch {
		throw new Stop(`To build for another machine ${tool} is needed: apt-get install g++-${triplet} mmdebstrap`);
	}
}
