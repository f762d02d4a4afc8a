import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Debian's metapackages for the kernels that Amazon Linux 2023 has: help.mjs lists the versions. */
const META: Readonly<Record<string, string>> = {
	"6.1": "linux-image-cloud-amd64",
	"6.12": "linux-image-6.12-cloud-amd64",
};

export interface GuestKernel {
	readonly release: string;
	readonly image: string;
	readonly modules: string;
}

/** Unpacks the kernel's package into the cache, without installing it. */
export function fetchKernel(version: string, cache: string): GuestKernel {
	const meta = META[version];
	if (meta === undefined) throw new Error(`no kernel ${version}: ${Object.keys(META).join(", ")}`);
	let name = newest(meta);
	if (name === null || !existsSync(join(cache, "kernels", name))) {
		/* With missing or old package lists the package is not found. */
		execFileSync("apt-get", ["update", "-q"], { stdio: "ignore" });
		name = newest(meta);
	}
	if (name === null) throw new Error(`${meta} depends on no kernel`);
	const folder = join(cache, "kernels", name);
	if (!existsSync(folder)) unpack(name, folder);
	const release = readdirSync(join(folder, "lib/modules"))[0] ?? "";
	return { release, image: join(folder, `boot/vmlinuz-${release}`), modules: join(folder, "lib/modules", release) };
}

function newest(meta: string): string | null {
	const { stdout } = spawnSync("apt-cache", ["depends", "--important", meta], { encoding: "utf8" });
	return /Depends: (linux-image-\S+)/.exec(stdout)?.[1] ?? null;
}

function unpack(name: string, folder: string): void {
	const part = `${folder}.part`;
	rmSync(part, { recursive: true, force: true });
	mkdirSync(part, { recursive: true });
	execFileSync("apt-get", ["download", "-q", name], { cwd: part, stdio: "ignore" });
	const file = readdirSync(part).find((each) => each.endsWith(".deb")) ?? "";
	execFileSync("dpkg", ["-x", file, "."], { cwd: part });
	rmSync(join(part, file));
	renameSync(part, folder);
}
