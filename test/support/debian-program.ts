/**
 * Programs of Debian packages that the set-up does not install because they start a service: nginx, chrony, tinyproxy. An installed
 * one is used. Otherwise the package is unpacked below build/programs, with the packages that it needs and the host lacks.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./paths.ts";

const CACHE = join(ROOT, "build/programs");

/**
 * argv that runs the program. Throws if it can neither be found nor fetched.
 *
 * @param path of the installed program
 */
export function debianProgram(name: string, path: string, cache = CACHE): readonly string[] {
	if (existsSync(path)) return [path];
	const root = join(cache, name);
	if (!existsSync(join(root, path))) unpack(name, cache, root);
	if (!existsSync(join(root, path))) throw new Error(`Debian's package ${name} has no ${path}.`);
	const libraries = librariesOf(root);
	const program = join(root, path);
	return libraries.length === 0 ? [program] : ["env", `LD_LIBRARY_PATH=${libraries.join(":")}`, program];
}

function unpack(name: string, cache: string, root: string): void {
	mkdirSync(cache, { recursive: true });
	const folder = mkdtempSync(join(cache, `.${name}-`));
	try {
		let error = download(name, folder);
		/* Lists may be missing, or name versions that the mirror has dropped. */
		if (error !== null && apt(["update", "-qq"], folder).status === 0) error = download(name, folder);
		if (error !== null)
			throw new Error(
				`The tests need ${name}, which is not installed and cannot be fetched: ${error}. Install it, or make Debian's packages ` +
					`available to apt-get.`,
			);
		const tree = join(folder, "root");
		for (const file of readdirSync(folder).filter((each) => each.endsWith(".deb"))) {
			const { status, stderr } = spawnSync("dpkg-deb", ["--extract", join(folder, file), tree], { encoding: "utf8" });
			if (status !== 0) throw new Error(`${file} cannot be unpacked: ${stderr}`);
		}
		/* Another test file may have unpacked it meanwhile. */
		if (!existsSync(root)) renameSync(tree, root);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Downloads the packages that an installation would add. Returns the error, or null. */
function download(name: string, folder: string): string | null {
	const plan = apt(["--simulate", "-qq", "--no-install-recommends", "install", name], folder);
	const names = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map(([, each]) => each ?? "");
	const result = plan.status === 0 ? apt(["download", "-qq", ...names], folder) : plan;
	return result.status === 0 ? null : result.stderr.trim() || `apt-get ended with ${result.status}`;
}

function apt(args: readonly string[], cwd: string): { status: number | null; stdout: string; stderr: string } {
	/* The user _apt may be unable to write to the folder. */
	const options = ["-o", "APT::Sandbox::User=root"];
	const { status, stdout, stderr, error } = spawnSync("apt-get", [...options, ...args], { cwd, encoding: "utf8" });
	return { status, stdout: stdout ?? "", stderr: error?.message ?? stderr };
}

function librariesOf(root: string): string[] {
	const files = readdirSync(root, { recursive: true, encoding: "utf8" });
	const libraries = files.filter((file) => /\.so(\.\d+)*$/.test(file));
	return [...new Set(libraries.map((file) => join(root, dirname(file))))];
}
