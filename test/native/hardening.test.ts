/** The addon parses what strangers send, in a process with capabilities. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Hardening, hardeningOf, marksTargets } from "../support/elf.ts";
import { NODE, ROOT } from "../support/paths.ts";
import { must } from "../support/run.ts";

const BUILT = join(ROOT, "native/build/Release");
const HARD: Omit<Hardening, "fortified" | "runPath"> = {
	...{ bindNow: true, relro: true, stackProtector: true },
	...{ executableStack: false, writableCode: false, textRelocations: false },
};
let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every file of machine code that the build makes is hardened", () => {
	const files = readdirSync(BUILT).filter((name) => readFileSync(join(BUILT, name)).subarray(0, 4).equals(ELF));
	expect(files).toContain("sallyport.node");
	for (const file of files) {
		const { fortified, runPath, ...rest } = hardeningOf(join(BUILT, file));
		expect(rest, file).toEqual(HARD);
		expect(fortified, file).not.toEqual([]);
		expect(marksTargets(join(BUILT, file)), file).toBe(true);
		/* Libraries are taken from beside the addon or from the system, never from a folder of the build. */
		expect(runPath, file).toBe("$ORIGIN");
	}
});

test("the Node that the packages contain has no writable code and no executable stack", () => {
	const { relro, bindNow, executableStack, writableCode } = hardeningOf(NODE);
	expect({ relro, bindNow, executableStack, writableCode }).toEqual({
		...{ relro: true, bindNow: true, executableStack: false, writableCode: false },
	});
});

test("a library without the options is found out", () => {
	const source = join(folder, "weak.c");
	const library = join(folder, "weak.so");
	writeFileSync(source, "#include <stdio.h>\nint weak(const char *s) { char b[8]; return sprintf(b, s); }\n");
	const compile = ["-O2", "-w", "-fPIC", "-fno-stack-protector", "-U_FORTIFY_SOURCE"];
	const link = ["-shared", "-Wl,-z,lazy,-z,norelro,-z,execstack,-rpath,/tmp"];
	must("cc", ...compile, ...link, source, "-o", library);
	expect(hardeningOf(library)).toEqual({
		...{ bindNow: false, relro: false, stackProtector: false, fortified: [] },
		...{ executableStack: true, writableCode: false, textRelocations: false, runPath: "/tmp" },
	});
});

const ELF = Buffer.from("\x7fELF");
