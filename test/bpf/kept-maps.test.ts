/** The maps that a new version of the programs takes over: SP_KEPT of bpf/kernel/maps.h, as the loader reads it. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LAYOUT_VERSION } from "../../src/native/layout.ts";
import { ROOT } from "../support/paths.ts";

interface BtfType {
	readonly id: number;
	readonly kind: string;
	readonly name: string;
	readonly type_id?: number;
}

const types: readonly BtfType[] = JSON.parse(
	execFileSync("bpftool", ["-j", "btf", "dump", "file", join(ROOT, "native/build/sallyport.bpf.o"), "format", "raw"], {
		encoding: "utf8",
		maxBuffer: 64 << 20,
	}),
).types;

/*
 * A map that is renamed or loses its mark is empty after an upgrade. If that is intended, raise SP_LAYOUT_VERSION, which
 * replaces all maps together, and change both here.
 */
test("the maps kept over an upgrade are those of the layout's version", () => {
	const kept = types
		.filter(({ kind, name }) => kind === "DECL_TAG" && name === "kept")
		.map(({ type_id }) => types.find(({ id }) => id === type_id)?.name)
		.sort();
	expect({ version: LAYOUT_VERSION, kept }).toEqual({
		version: 8,
		kept: [
			"begun",
			"cgroups",
			"claims",
			"control",
			"covered",
			"dns_sockets",
			"flows",
			"learned",
			"names",
			"policy",
			"processes",
			"programs",
			"questions",
			"resolvers",
			"sockets",
			"suffixes",
			"targets",
			"user_cgroups",
		],
	});
});
