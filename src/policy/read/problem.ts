/** A problem of a policy, or a warning about it, with its position. */
export interface PolicyProblem {
	/** The policy file or list file. */
	readonly file: string;
	/** From 1. */
	readonly line: number;
	/** From 1. */
	readonly column: number;
	/** Path in the policy, such as "groups[0].rules[2].to.cidr[1]"; "": the whole file. */
	readonly path: string;
	/** A sentence without a full stop, with the suggestion. */
	readonly message: string;
	/** Valid values, such as "one of allow, deny, alert". */
	readonly expected: string;
	/** The value that was probably meant, ready to replace the wrong one. */
	readonly suggestion?: string;
}

/** As compilers print it: `policy.yaml:12:9: unknown key "prot" in "to"; did you mean "protocol"?` */
export function renderProblem(problem: PolicyProblem): string {
	return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`;
}

/** As compilers print it: `policy.yaml:12:9: warning: ...`. A policy with warnings is valid. */
export function renderWarning(warning: PolicyProblem): string {
	return renderProblem({ ...warning, message: `warning: ${warning.message}` });
}

/** A problem of a whole file. */
export function wholeFile(file: string, message: string): PolicyProblem {
	return { file, line: 1, column: 1, path: "", message, expected: "" };
}

/** @param error of the file system */
export function unreadable(file: string, error: unknown): PolicyProblem {
	const { code, message } = error as NodeJS.ErrnoException;
	return wholeFile(file, code === "ENOENT" ? "no such file" : `cannot be read: ${message}`);
}

/** `; did you mean "ports"?`, or "". */
export function didYouMean(suggestion: string | undefined): string {
	return suggestion === undefined ? "" : `; did you mean "${suggestion}"?`;
}

/**
 * The only candidate that begins with `word`, else the nearest one. Undefined: none is near enough for a typing error.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
	const longer = candidates.filter((candidate) => word.length > 2 && candidate.startsWith(word.toLowerCase()));
	if (longer.length === 1) return longer[0];
	let best: string | undefined;
	let bestDistance = Math.min(3, Math.floor(word.length / 2)) + 1;
	for (const candidate of candidates) {
		const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
		if (distance < bestDistance) {
			best = candidate;
			bestDistance = distance;
		}
	}
	return best;
}

/** Number of insertions, deletions, replacements and transpositions of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
	let beforeLast: number[] = [];
	let last = Array.from({ length: b.length + 1 }, (_, j) => j);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			const same = a[i - 1] === b[j - 1];
			let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
			if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
				cost = Math.min(cost, beforeLast[j - 2]! + 1);
			}
			row.push(cost);
		}
		beforeLast = last;
		last = row;
	}
	return last[b.length]!;
}
