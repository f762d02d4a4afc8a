import type { JudgedCapture } from "./corpus.ts";
import type { Outcome } from "./outcome.ts";

const PROTOCOLS = ["tls", "quic", "dns", "http", "none"];

/** One line per protocol, then each disagreement, then the reasons for captures that are not covered. */
export function printOutcomes(captures: readonly JudgedCapture[], print: (line: string) => void): void {
	const all = captures.flatMap(({ row, outcomes }) => outcomes.map((outcome) => ({ file: row.file, ...outcome })));
	print(["protocol", "captures", "expected", "agreed", "disagreed", "not covered"].map(cell).join(""));
	for (const protocol of PROTOCOLS) {
		const of = all.filter((one) => one.protocol === protocol);
		const count = (kind: Outcome["kind"]) => of.filter((one) => one.kind === kind).length;
		const files = new Set(of.map(({ file }) => file)).size;
		const cells = [files, of.length, count("agreed"), count("disagreed"), count("uncovered")];
		print([protocol, ...cells.map(String)].map(cell).join(""));
	}
	for (const { protocol, file, what, reason } of all.filter(({ kind }) => kind === "disagreed"))
		print(`disagreed: ${protocol} ${file}: ${what}: ${reason}`);
	const uncovered = Map.groupBy(
		all.filter(({ kind }) => kind === "uncovered"),
		({ protocol, reason }) => `${protocol}: ${reason}`,
	);
	for (const [reason, list] of uncovered) {
		print(`not covered: ${list.length} of ${reason}`);
		const files = Map.groupBy(list, ({ file }) => file);
		for (const [file, ofFile] of files) print(`  ${ofFile.length} ${file}: ${ofFile[0]?.what ?? ""}`);
	}
}

function cell(text: string, index: number): string {
	return index === 0 ? text.padEnd(10) : text.padStart(13);
}
