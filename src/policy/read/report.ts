import type { PolicyProblem } from "./problem.ts";
import { type Path, type PolicySource, renderPath } from "./source.ts";

/** Problems of a list file that are reported separately. The others are only counted. */
const PROBLEMS_PER_FILE = 100;

/** Collects the problems that the checks of a policy find. */
export class Report {
	readonly problems: PolicyProblem[] = [];
	readonly #source: PolicySource;

	constructor(source: PolicySource) {
		this.#source = source;
	}

	/** Adds a problem of the policy file. */
	at(path: Path, message: string, expected: string, suggestion?: string, part: "key" | "value" = "value"): void {
		this.#add(this.#source.file, this.#source.locate(path, part), path, message, expected, suggestion);
	}

	/** Returns a collector for the problems of a list file. Call its end() after the last one. */
	inFile(file: string, path: Path, expected: string): FileReport {
		let count = 0;
		return {
			at: (line, column, message, suggestion) => {
				if (++count <= PROBLEMS_PER_FILE) this.#add(file, { line, column }, path, message, expected, suggestion);
			},
			end: () => {
				if (count > PROBLEMS_PER_FILE) this.at(path, `${count - PROBLEMS_PER_FILE} more problems in ${file}`, expected);
				return count;
			},
		};
	}

	/** The problems by file and position, the policy file first. */
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
		position: { line: number; column: number },
		path: Path,
		message: string,
		expected: string,
		suggestion: string | undefined,
	): void {
		const problem = { file, ...position, path: renderPath(path), message, expected };
		this.problems.push(suggestion === undefined ? problem : { ...problem, suggestion });
	}
}

export interface FileReport {
	at(line: number, column: number, message: string, suggestion?: string): void;
	/** The number of problems. */
	end(): number;
}
