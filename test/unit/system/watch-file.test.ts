/** Files behind symbolic links, which are replaced as Kubernetes, and deployments, replace them. */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Watcher, watchFile } from "../../../src/system/watch-file.ts";

let folder: string;
let changes: number;
let watcher: Watcher | null;
beforeEach(() => {
	folder = realpathSync(mkdtempSync(join(tmpdir(), "sallyport-")));
	changes = 0;
	watcher = null;
});
afterEach(() => {
	watcher?.close();
	rmSync(folder, { recursive: true, force: true });
});

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function watching(path: string): Promise<void> {
	watcher = watchFile(path, 20, () => changes++);
	await wait(300);
	changes = 0;
}

async function seen(step: () => void): Promise<void> {
	const before = changes;
	step();
	await expect.poll(() => changes, { timeout: 15_000 }).toBeGreaterThan(before);
	await wait(200);
}

async function unseen(step: () => void): Promise<void> {
	const before = changes;
	step();
	await wait(300);
	expect(changes).toBe(before);
}

/** As kubelet's AtomicWriter does: a new folder, a link to it, and the link renamed over "..data". */
function publish(volume: string, version: string, files: Record<string, string>): void {
	const name = `..2026_11_30_${version}`;
	mkdirSync(join(volume, name), { recursive: true });
	for (const [file, text] of Object.entries(files)) writeFileSync(join(volume, name, file), text);
	symlinkSync(name, join(volume, "..data_tmp"));
	renameSync(join(volume, "..data_tmp"), join(volume, "..data"));
}

test("a ConfigMap volume whose ..data is replaced, again and again", async () => {
	const volume = join(folder, "volume");
	publish(volume, "1", { "policy.yaml": "a" });
	symlinkSync("..data/policy.yaml", join(volume, "policy.yaml"));
	await watching(join(volume, "policy.yaml"));
	for (const version of ["2", "3", "4"]) {
		await seen(() => publish(volume, version, { "policy.yaml": version }));
		rmSync(join(volume, `..2026_11_30_${Number(version) - 1}`), { recursive: true });
		await wait(200);
	}
	await unseen(() => writeFileSync(join(volume, "other"), "x"));
	await seen(() => writeFileSync(join(volume, "..data/policy.yaml"), "in place"));
});

test("a link to a folder on the way, absolute or relative, and a link to a link", async () => {
	for (const release of ["r1", "r2", "r3"]) {
		mkdirSync(join(folder, release, "etc"), { recursive: true });
		writeFileSync(join(folder, release, "etc/policy.yaml"), release);
	}
	const point = (target: string, link: string) => {
		symlinkSync(target, join(folder, "new"));
		renameSync(join(folder, "new"), join(folder, link));
	};
	point("r1", "current");
	point(join(folder, "current"), "stable");
	await watching(join(folder, "stable/etc/../etc/policy.yaml"));
	await seen(() => point("r2", "current"));
	await seen(() => point(join(folder, "r3"), "current"));
	await seen(() => point("r1", "stable"));
	await unseen(() => point("r2", "current"));
	await seen(() => writeFileSync(join(folder, "r1/etc/policy.yaml"), "x"));
});

test("a link that leads nowhere yet, and one that leads to itself", async () => {
	symlinkSync("later/policy.yaml", join(folder, "policy.yaml"));
	await watching(join(folder, "policy.yaml"));
	mkdirSync(join(folder, "later"));
	await seen(() => writeFileSync(join(folder, "later/policy.yaml"), "x"));
	await seen(() => {
		rmSync(join(folder, "policy.yaml"));
		symlinkSync("policy.yaml", join(folder, "policy.yaml"));
	});
	await seen(() => {
		rmSync(join(folder, "policy.yaml"));
		writeFileSync(join(folder, "policy.yaml"), "y");
	});
});
