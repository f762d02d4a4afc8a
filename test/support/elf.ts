/** What an ELF file was hardened with, as binutils show it. */
import { must } from "./run.ts";

export interface Hardening {
	/** No address table is writable after loading: all symbols are bound before. */
	readonly bindNow: boolean;
	readonly relro: boolean;
	readonly executableStack: boolean;
	/** A segment is both writable and executable. */
	readonly writableCode: boolean;
	/** Code is changed by relocations. */
	readonly textRelocations: boolean;
	readonly stackProtector: boolean;
	/** Calls of libc with a check of sizes. */
	readonly fortified: readonly string[];
	readonly runPath: string | null;
}

export function hardeningOf(file: string): Hardening {
	const dynamic = must("readelf", "-dW", file);
	const segments = must("readelf", "-lW", file).split("\n");
	const symbols = must(
		"sh",
		"-c",
		'readelf --dyn-syms -W "$0" | grep -oE "__[a-z0-9_]+_chk\\b|__stack_chk_fail" || true',
		file,
	);
	const stack = segments.find((line) => line.includes("GNU_STACK"));
	return {
		bindNow: /\(BIND_NOW\)|\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*\bNOW\b/.test(dynamic),
		relro: segments.some((line) => line.includes("GNU_RELRO")),
		executableStack: stack === undefined || /\bRWE\b/.test(stack),
		writableCode: segments.some((line) => /^\s*LOAD\b/.test(line) && /\bRWE\b/.test(line)),
		textRelocations: /\(TEXTREL\)/.test(dynamic),
		stackProtector: /\b__stack_chk_fail\b/.test(symbols),
		fortified: [...symbols.matchAll(/\b__(\w+)_chk\b/g)].map(([, name = ""]) => name),
		runPath: /\((?:RPATH|RUNPATH)\).*\[(.*)\]/.exec(dynamic)?.[1] ?? null,
	};
}

/** Functions begin with a mark for indirect calls: endbr64 on x86, bti on arm64. */
export function marksTargets(file: string): boolean {
	const count = 'objdump -d --no-show-raw-insn "$0" | grep -cwE "endbr64|bti" || true';
	return Number(must("sh", "-c", count, file)) > 0;
}
