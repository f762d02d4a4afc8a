/** Directories in which pins are allowed, and in which a BPF file system is mounted for them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ensureBpffs, pinFolderError } from "../../../src/enforce/pin-folder.ts";
import { type Mount, parseMountinfo } from "../../../src/system/mounts.ts";

let root: string;
let calls: string[];
const addon = {
	mountBpffs: (path: string) => void calls.push(`mount ${path}`),
	unmountBpffs: (path: string) => void calls.push(`unmount ${path}`),
};
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), "sallyport-"));
	calls = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const PLAIN = parseMountinfo("1 0 0:1 / / rw - ext4 /dev/sda rw\n");
const bpfAt = (point: string): Mount[] => [...PLAIN, ...parseMountinfo(`2 1 0:2 / ${point} rw - bpf bpf rw\n`)];

test("a folder on a BPF file system needs no mount; the file system itself is refused", () => {
	ensureBpffs(addon, join(root, "pins"), bpfAt(root), root)();
	expect(calls).toEqual([]);
	expect(() => ensureBpffs(addon, root, bpfAt(root), root)).toThrow("may hold the pins of others");
	expect(pinFolderError(join(root, "pins"), bpfAt(root))).toBeNull();
	const bound = [...bpfAt(root), ...parseMountinfo(`3 2 0:2 /pins ${root}/pins rw - bpf bpf rw\n`)];
	expect(pinFolderError(join(root, "pins"), bound), "as ReadWritePaths= mounts it").toBeNull();
});

test("a mount that covers a BPF file system counts, not the one below it", () => {
	const covered = [...bpfAt(root), ...parseMountinfo(`3 2 0:3 / ${root}/x rw - tmpfs tmpfs rw\n`)];
	expect(pinFolderError(join(root, "x/pins"), covered)).toMatchObject({ code: "NO_BPFFS" });
});

test("an empty root is mounted, and unmounted if no others use it by then", () => {
	const undo = ensureBpffs(addon, join(root, "pins"), PLAIN, root);
	expect(calls).toEqual([`mount ${root}`]);
	writeFileSync(join(root, "others"), "");
	undo();
	expect(calls).toHaveLength(1);
	rmSync(join(root, "others"));
	writeFileSync(join(root, "maps.debug"), "");
	undo();
	expect(calls).toEqual([`mount ${root}`, `unmount ${root}`]);
});

test("nothing is mounted over files or anywhere except at the root", () => {
	writeFileSync(join(root, "file"), "");
	expect(() => ensureBpffs(addon, join(root, "pins"), PLAIN, root)).toThrow(/cannot be mounted at .*: it is not empty/);
	expect(() => ensureBpffs(addon, "/somewhere/else", PLAIN, root)).toThrow(
		"The folder for the pins, /somewhere/else, is not on a BPF file system.",
	);
	expect(calls).toEqual([]);
});
