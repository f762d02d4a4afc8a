/** A mount that answers nothing: FUSE without a server. Each access waits until the mount is released. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { waitSync } from "./cleanup.ts";
import { end } from "./run.ts";

export const canHang = process.getuid?.() === 0 && existsSync("/dev/fuse");

/** Makes the folder and mounts it. Returns a function that ends all waits with an error, and unmounts. */
export function hungMount(folder: string): () => void {
	mkdirSync(folder, { recursive: true });
	const mount =
		'exec 3<>/dev/fuse; mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 sallyport-test "$0" && exec sleep 600';
	const child = spawn("setpriv", ["--pdeathsig", "KILL", "sh", "-c", mount, folder], { stdio: "ignore" });
	const isMounted = () => readFileSync("/proc/self/mounts", "utf8").includes(` ${folder} fuse `);
	if (!waitSync(isMounted, 30_000)) throw new Error(`${folder} was not mounted`);
	return () => {
		/* The kernel ends all requests when the last descriptor of /dev/fuse is closed. */
		end(child.pid);
		spawnSync("umount", ["-l", folder]);
		if (isMounted()) throw new Error(`${folder} is still mounted`);
	};
}
