import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NativeError } from "../../src/native/binding.ts";
import { must, until } from "../support/run.ts";
import { addon, Scratch } from "./scratch.ts";

let scratch: Scratch;
beforeEach(() => {
	scratch = new Scratch();
});
afterEach(() => scratch.close());

test("a first load attaches to the cgroup, and pins maps, programs and links", () => {
	const kernel = scratch.load();
	expect(kernel.adopted).toBe(false);
	expect(readdirSync(scratch.pins).sort()).toEqual(["links", "maps", "marker", "programs"]);
	expect(readdirSync(join(scratch.pins, "maps"))).toEqual(expect.arrayContaining(["policy", "control", "events"]));
	expect(attached()).toEqual(expect.arrayContaining(["connect4", "egress", "sock_create"]));
	for (const program of kernel.programs()) expect(program.verifiedInstructions).toBeGreaterThan(0);
});

test("a second load adopts the same programs and maps, and attaches nothing twice", () => {
	const first = scratch.load();
	const before = attached();
	first.update("resolvers", Buffer.alloc(16, 7), Buffer.alloc(4, 1));
	first.close();
	const second = scratch.load();
	expect(second.adopted).toBe(true);
	expect(second.lookup("resolvers", Buffer.alloc(16, 7))).toEqual(Buffer.alloc(4, 1));
	expect(attached()).toEqual(before);
});

test("no fault is reported while every program is attached, nor for programs that never will be", () => {
	expect(scratch.load().linkFaults()).toEqual([]);
	expect(scratch.load({ detached: true }).linkFaults()).toEqual([]);
});

test("a link that another tool detached is reported, and attach() attaches it again", () => {
	const kernel = scratch.load();
	const before = attached();
	must("bpftool", "link", "detach", "pinned", join(scratch.pins, "links/egress"));
	expect(kernel.linkFaults()).toEqual([{ program: "egress", fault: "detached" }]);
	kernel.attach();
	expect(kernel.linkFaults()).toEqual([]);
	expect(attached()).toEqual(before);
});

test("a cgroup that was removed and made again: nothing is attached until attach(), and then everything is", async () => {
	const watched = scratch.cgroup.child("watched").path;
	const kernel = scratch.load({ cgroup: watched });
	const before = attached(watched);
	rmdirSync(watched);
	expect(failure(() => kernel.linkFaults()).code).toBe("ENOENT");
	mkdirSync(watched);
	const faults = kernel.linkFaults().map(({ program }) => program);
	expect(faults.sort()).toEqual(before);
	kernel.attach();
	expect(attached(watched)).toEqual(before);
	kernel.close();
	expect(scratch.load({ cgroup: watched }).adopted, "the marker names the new cgroup").toBe(true);
});

test("pins that were removed are reported, and attach() pins everything again", () => {
	const kernel = scratch.load();
	const before = attached();
	for (const part of ["links", "maps", "programs", "marker"]) rmSync(join(scratch.pins, part), { recursive: true });
	expect(kernel.linkFaults()).toContainEqual({ program: "process_exec", fault: "unpinned" });
	kernel.attach();
	expect(kernel.linkFaults()).toEqual([]);
	kernel.close();
	expect(scratch.load().adopted).toBe(true);
	expect(new Set(attached())).toEqual(new Set(before));
});

test("pins that another tool replaced are reported, and attach() restores them for the next start", () => {
	const kernel = scratch.load();
	const before = attached();
	expect(kernel.pinFaults()).toEqual([]);
	const at = (pin: string) => join(scratch.pins, pin);
	rmSync(at("maps/resolvers"));
	must("bpftool", "map", "create", at("maps/resolvers"), ...MAP_LIKE_RESOLVERS);
	rmSync(at("maps/suffixes"));
	mkdirSync(at("maps/suffixes"));
	rmSync(at("programs/egress"));
	linkSync(at("programs/ingress"), at("programs/egress"));
	rmSync(at("marker"));
	must("bpftool", "map", "create", at("marker"), ...MAP_LIKE_RESOLVERS);
	rmSync(at("links/egress"));
	mkdirSync(at("links/egress"));
	expect(kernel.pinFaults().sort((a, b) => a.pin.localeCompare(b.pin))).toEqual([
		{ pin: "maps/resolvers", fault: "replaced" },
		{ pin: "maps/suffixes", fault: "replaced" },
		{ pin: "marker", fault: "replaced" },
		{ pin: "programs/egress", fault: "replaced" },
	]);
	expect(kernel.linkFaults()).toEqual([{ program: "egress", fault: "elsewhere" }]);
	kernel.update("resolvers", Buffer.alloc(16, 7), Buffer.alloc(4, 1));
	kernel.attach();
	expect([kernel.pinFaults(), kernel.linkFaults()]).toEqual([[], []]);
	kernel.close();
	const next = scratch.load();
	expect(next.adopted).toBe(true);
	expect(next.lookup("resolvers", Buffer.alloc(16, 7))).toEqual(Buffer.alloc(4, 1));
	expect(new Set(attached())).toEqual(new Set(before));
});

const MAP_LIKE_RESOLVERS = ["type", "hash", "key", "16", "value", "4", "entries", "64", "name", "resolvers"];

test("a dead link is not adopted as it is", () => {
	scratch.load().close();
	const before = attached();
	must("bpftool", "link", "detach", "pinned", join(scratch.pins, "links/connect4"));
	expect(scratch.load().adopted).toBe(true);
	expect(attached()).toEqual(before);
});

test("programs keep working after their handles are closed", () => {
	scratch.load().close();
	expect(attached()).toContain("egress");
});

test("an incomplete folder of pins is replaced", () => {
	scratch.load().close();
	const before = attached();
	rmSync(join(scratch.pins, "maps/events"));
	expect(scratch.load().adopted).toBe(false);
	expect(attached()).toEqual(before);
	expect(existsSync(join(scratch.pins, "next"))).toBe(false);
});

test("pins without a marker are replaced", () => {
	scratch.load().close();
	rmSync(join(scratch.pins, "marker"));
	expect(scratch.load().adopted).toBe(false);
});

test("pins for another cgroup are replaced, and nothing stays attached to the first", () => {
	scratch.load().close();
	const other = scratch.cgroup.child("other");
	expect(scratch.load({ cgroup: other.path }).adopted).toBe(false);
	expect(attached()).toEqual([]);
	expect(attached(other.path)).toContain("egress");
});

test("a replacement takes over the policy and the learned addresses, and resets the counters", () => {
	const first = scratch.load();
	const rows = Buffer.alloc(256, 3);
	first.installPolicy(rows, 9);
	first.update("resolvers", Buffer.alloc(16, 7), Buffer.alloc(4, 1));
	first.update("counters", Buffer.alloc(4), Buffer.alloc(8, 1));
	first.close();
	rmSync(join(scratch.pins, "links"), { recursive: true });
	const second = scratch.load();
	expect(second.adopted).toBe(false);
	expect(second.readPolicy()).toEqual(rows);
	expect(second.lookup("control", Buffer.alloc(4))?.readUInt32LE(0)).toBe(9);
	expect(second.lookup("resolvers", Buffer.alloc(16, 7))).toEqual(Buffer.alloc(4, 1));
	expect(second.sum("counters")[0]).toBe(0n);
});

test("maps have the requested sizes", () => {
	scratch.load({ sizes: { names: 128 } });
	expect(must("bpftool", "map", "show", "pinned", join(scratch.pins, "maps/names"))).toContain("max_entries 128");
});

test("detached: loaded and pinned for test runs, attached to nothing", () => {
	const kernel = scratch.load({ detached: true });
	expect(attached()).toEqual([]);
	expect(kernel.testRun("judge", Buffer.alloc(400), 3).durationNs).toBeGreaterThan(0);
	kernel.close();
	expect(scratch.load({ detached: true }).adopted).toBe(true);
	expect(scratch.load().adopted).toBe(false);
});

test("detach leaves nothing: no program on the cgroup, no pins", async () => {
	const kernel = scratch.load();
	const ids = kernel.programs().map((program) => program.id);
	kernel.detach();
	expect(attached()).toEqual([]);
	expect(existsSync(scratch.pins)).toBe(false);
	kernel.close();
	await until("the programs are gone", 5_000, () => ids.every((id) => !loadedIds().includes(id)) || undefined);
});

test("a failed load reports the step, the cause and libbpf's messages, and leaves no pins", () => {
	const error = failure(() => scratch.load({ sizes: { names: 0xffff_ffff } }));
	expect(error).toMatchObject({ code: "E2BIG", step: "load names" });
	expect(error.log).toContain("names");
	expect(existsSync(scratch.pins)).toBe(false);
	expect(attached()).toEqual([]);
});

test("a failed load leaves the pins before it in force", () => {
	scratch.load().close();
	const before = attached();
	rmSync(join(scratch.pins, "marker"));
	failure(() => scratch.load({ sizes: { names: 0xffff_ffff } }));
	expect(attached()).toEqual(before);
});

test.each([
	["a cgroup that is not there", { cgroup: "/sys/fs/cgroup/none" }, "ENOENT"],
	["a folder that is no cgroup", { cgroup: "/tmp" }, "EBADF"],
	["pins that are not on bpffs", { pins: "/tmp/sallyport-no-bpffs" }, "EINVAL"],
	["a relative path", { pins: "pins" }, "EINVAL"],
	["a size that is no number of entries", { sizes: { names: 0 } }, "EINVAL"],
])("%s is an error with a code", (_, options, code) => {
	scratch.cleanup.defer("folder", () => rmSync("/tmp/sallyport-no-bpffs", { recursive: true, force: true }));
	expect(failure(() => scratch.load(options)).code).toBe(code);
});

test("mounting bpffs where it is mounted changes nothing", () => {
	const folder = join(scratch.pins, "..");
	addon.mountBpffs(folder);
	expect(must("findmnt", "-n", "-o", "FSTYPE", folder).trim()).toBe("bpf");
});

test("a mount is unmounted; a path that is not mounted is an error with a code", () => {
	const folder = join(dirname(dirname(scratch.pins)), "other-bpf");
	addon.mountBpffs(folder);
	expect(must("findmnt", "-n", "-o", "FSTYPE", folder).trim()).toBe("bpf");
	addon.unmountBpffs(folder);
	expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(folder);
	expect(failure(() => addon.unmountBpffs(folder)).code).toBe("EINVAL");
});

test("calls on a closed kernel throw an error that says so", () => {
	const kernel = scratch.load();
	kernel.close();
	expect(failure(() => kernel.programs()).code).toBe("EBADF");
});

function attached(cgroup = scratch.cgroup.path): string[] {
	/* The key is absent, rather than an empty list, if there is none. */
	const list = JSON.parse(must("bpftool", "-j", "cgroup", "show", cgroup).trim() || "[]") as { name: string }[];
	return list.map((entry) => entry.name).sort();
}

function loadedIds(): number[] {
	return (JSON.parse(must("bpftool", "-j", "prog", "show")) as { id: number }[]).map((program) => program.id);
}

function failure(work: () => unknown): NativeError {
	try {
		work();
	} catch (error) {
		if (error instanceof NativeError) return error;
		throw error;
	}
	throw new Error("nothing was thrown");
}
