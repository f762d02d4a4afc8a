/** Collects what is wrong while a policy is checked. */
import type { PolicyProblem } from "./problem.ts";
import { type Path, type PolicySource, renderPath } from "./source.ts";

/** Mistakes of one list file that are told one by one; the rest is told as a number. */
const MISTAKES_PER_FILE = 100;

export class Report {
	readonly problems: PolicyProblem[] = [];
	readonly #source: PolicySource;

	constructor(source: PolicySource) {
		this.#source = source;
	}

	/** A mistake in the policy file. */
	at(path: Path, message: string, expected: string, suggestion?: string, part: "key" | "value" = "value"): void {
		this.#add(this.#source.file, this.#source.locate(path, part), path, message, expected, suggestion);
	}

	/** Mistakes in a list file; call the result for each, and then `end`. */
	inFile(file: string, path: Path, expected: string): FileReport {
		let count = 0;
		return {
			at: (line, column, message, suggestion) => {
				if (++count <= MISTAKES_PER_FILE) this.#add(file, { line, column }, path, message, expected, suggestion);
			},
			end: () => {
				if (count <= MISTAKES_PER_FILE) return;
				this.at(path, `${count - MISTAKES_PER_FILE} more mistakes in ${file}`, expected);
			},
		};
	}

	/** In the order of the files. */
	sorted(): PolicyProblem[] {
		const own = this.#source.file;
		return this.problems.toSorted(
			(a, b) =>
				Number(a.file !== own) - Number(b.file !== own) ||
				a.file.localeCompare(b.file) ||
				a.line - b.line ||
				a.column - b.column,
		);
	}

	#add(
		file: string,
		place: { line: number; column: number },
		path: Path,
		message: string,
		expected: string,
		suggestion: string | undefined,
	): void {
		const problem = { file, ...place, path: renderPath(path), message, expected };
		this.problems.push(suggestion === undefined ? problem : { ...problem, suggestion });
	}
}

export interface FileReport {
	at(line: number, column: number, message: string, suggestion?: string): void;
	end(): void;
}
