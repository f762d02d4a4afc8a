/** Finds a panic in the output of a kernel's console: "the kernel panicked 3.1 s after power-on: ..." with its cause, or null. */
export function panicIn(console: string): string | null {
	const lines = console.split(/\r?\n/).map((line) => /^\[\s*(\d+\.\d+)\] (.*)$/.exec(line));
	const panic = lines.find((line) => line?.[2]?.startsWith("Kernel panic"));
	const cause = lines.find((line) =>
		/^(BUG|Oops|int3|invalid opcode|general protection fault|RIP)\b/.test(line?.[2] ?? ""),
	);
	const place = lines.find((line) => line?.[2]?.startsWith("RIP:"));
	const found = [panic, cause, place].map((line) => line?.[2]).filter((each) => each !== undefined);
	const at = (cause ?? panic)?.[1];
	return at === undefined
		? null
		: `the kernel panicked ${Number(at).toFixed(1)} s after power-on: ${[...new Set(found)].join("; ")}`;
}
