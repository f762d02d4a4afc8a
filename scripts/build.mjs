/**
 * The BPF object, the addon that embeds it (native/build/Release/sallyport.node), and the TypeScript that is generated
 * from its BTF.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { NODE, quietly, ROOT, Stop } from "./command.mjs";

const BUILD = `${ROOT}/native/build`;
const PRODUCT = `${BUILD}/Release/sallyport.node`;
const STAMP = `${BUILD}/inputs.sha256`;
const LOCK = `${ROOT}/native/package.json`;

/** Compared by content: a checkout gives every file a new modification time. */
export function isBuilt() {
	return existsSync(PRODUCT) && existsSync(STAMP) && readFileSync(STAMP, "utf8") === hashOfInputs();
}

export async function build() {
	/* Two builds in one folder would overwrite each other's files. */
	await quietly("flock", [LOCK, process.execPath, import.meta.filename]);
}

async function buildUnlessBuilt() {
	if (isBuilt()) return;
	const hash = hashOfInputs();
	if (isMovedTree()) rmSync(BUILD, { recursive: true });
	await quietly(NODE, [`${ROOT}/node_modules/.bin/cmake-js`, "build", "-d", "native"]);
	await quietly(NODE, [`${ROOT}/scripts/layout/generate.ts`]);
	writeFileSync(STAMP, hash);
}

/** In a copied or renamed tree the cache names the old folder: CMake would build there, and exit with 0. */
function isMovedTree() {
	const cache = `${BUILD}/CMakeCache.txt`;
	return existsSync(cache) && !readFileSync(cache, "utf8").includes(`CMAKE_CACHEFILE_DIR:INTERNAL=${BUILD}\n`);
}

function hashOfInputs() {
	const hash = createHash("sha256");
	for (const file of [
		...filesBelow("bpf"),
		...filesBelow("native"),
		...filesBelow("scripts/layout"),
		"package-lock.json",
	])
		hash.update(file).update(readFileSync(`${ROOT}/${file}`));
	return hash.digest("hex");
}

/**
 * Sources below a folder of the repository, sorted, without the files of a build.
 *
 * @param {string} folder
 */
function filesBelow(folder) {
	return readdirSync(`${ROOT}/${folder}`, { recursive: true, encoding: "utf8" })
		.filter((name) => !name.startsWith("build/") && /\.(c|h|cc|ts|txt|json)$/.test(name))
		.map((name) => `${folder}/${name}`)
		.sort();
}

if (process.argv[1] === import.meta.filename) {
	await buildUnlessBuilt().catch((error) => {
		if (!(error instanceof Stop)) throw error;
		process.exitCode = 1;
	});
}
