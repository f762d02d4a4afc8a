import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** What Debian calls the kernels that Amazon Linux 2023 has. */
const META: Readonly<Record<string, string>> = {
	"6.1": "linux-image-cloud-amd64",
	"6.12": "linux-image-6.12-cloud-amd64",
};

export const KERNELS = Object.keys(META);

export interface GuestKernel {
	readonly release: string;
	readonly image: string;
	readonly modules: string;
}

/** The kernel's package, unpacked and not installed, in the cache. */
export function fetchKernel(version: string, cache: string): GuestKernel {
	const meta = META[version];
	if (meta === undefined) throw new Error(`no kernel ${version}: ${KERNELS.join(", ")}`);
	let name = newest(meta);
	if (name === null || !existsSync(join(cache, "kernels", name))) {
		/* Without lists, or with old ones, a package is not found. */
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
