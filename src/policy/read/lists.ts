import { parsePattern } from "../domain.ts";
import type { Environment, ListFacts, PrefixSet } from "../model.ts";
import { readNameList } from "./list-file.ts";
import { PrefixBuilder, readPrefixList } from "./prefixes.ts";
import { didYouMean, nearest } from "./problem.ts";
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";
import { isRecord, recordOf } from "./values.ts";

/** Share of the entries in force that a list file must have. */
const SHRUNK = 0.5;

/** The named lists of a policy. Each is read once, however many rules refer to it. */
export class Lists {
	readonly #lists: Record<string, unknown>;
	readonly #environment: Environment;
	readonly #report: Report;
	readonly #prefixes = new Map<string, PrefixSet | null>();
	readonly #names = new Map<string, readonly string[] | null>();
	readonly #files = new Map<string, Uint8Array | null>();

	constructor(lists: unknown, environment: Environment, report: Report) {
		this.#lists = isRecord(lists) ? lists : {};
		this.#environment = environment;
		this.#report = report;
	}

	/** The prefixes of a reference such as "@office". Null, and a problem reported, if there is no such list. */
	prefixes(reference: string, path: Path): PrefixSet | null {
		return this.#once(this.#prefixes, reference, path, (name) => this.#readPrefixes(name));
	}

	/** The domain patterns of a reference, as prefixes(). */
	names(reference: string, path: Path): readonly string[] | null {
		return this.#once(this.#names, reference, path, (name) => this.#readNames(name));
	}

	/** The lists with their sizes, as far as they were read. */
	facts(): ListFacts[] {
		return Object.entries(this.#lists).map(([name, list]) => {
			const prefixes = this.#prefixes.get(name);
			return {
				name,
				file: isRecord(list) && typeof list["file"] === "string" ? list["file"] : null,
				prefixes: prefixes ? prefixes.v4.length + prefixes.v6Length.length : 0,
				names: this.#names.get(name)?.length ?? 0,
			};
		});
	}

	#once<T>(known: Map<string, T | null>, reference: string, path: Path, read: (name: string) => T | null): T | null {
		const name = reference.slice(1);
		if (!Object.hasOwn(this.#lists, name)) {
			const names = Object.keys(this.#lists);
			const suggestion = nearest(name, names);
			const expected = names.length === 0 ? 'a list under "lists"' : `one of ${names.map((n) => `@${n}`).join(", ")}`;
			const hint = suggestion === undefined ? undefined : `@${suggestion}`;
			this.#report.at(path, `there is no list "${name}"${didYouMean(hint)}`, expected, hint);
			return null;
		}
		if (!known.has(name)) known.set(name, read(name));
		return known.get(name) ?? null;
	}

	#readPrefixes(name: string): PrefixSet | null {
		const file = this.#open(name);
		if (file !== null) {
			const report = this.#report.inFile(file.path, ["lists", name, "file"], "a prefix such as 10.0.0.0/8");
			const set = readPrefixList(file.bytes, (line, column, { message, suggestion }) =>
				report.at(line, column, message, suggestion),
			);
			if (report.end() === 0) this.#mustBeWhole(name, file, set.v4.length + set.v6Length.length, "prefixes");
			return set;
		}
		const builder = new PrefixBuilder();
		this.#items(name, (text, path) => {
			const mistake = builder.add(text);
			if (mistake) this.#report.at(path, mistake.message, "a prefix such as 10.0.0.0/8", mistake.suggestion);
		});
		return builder.build();
	}

	#readNames(name: string): string[] | null {
		const file = this.#open(name);
		if (file !== null) {
			const report = this.#report.inFile(file.path, ["lists", name, "file"], 'a domain such as "*.example.com"');
			const names = readNameList(file.bytes, (line, column, message, suggestion) =>
				report.at(line, column, message + didYouMean(suggestion), suggestion),
			);
			if (report.end() === 0) this.#mustBeWhole(name, file, names.length, "names");
			return names;
		}
		const names: string[] = [];
		this.#items(name, (text, path) => {
			const result = parsePattern(text);
			if ("pattern" in result) names.push(result.pattern);
			else {
				const message = `"${text}" ${result.wrong}${didYouMean(result.suggestion)}`;
				this.#report.at(path, message, 'a domain such as "*.example.com"', result.suggestion);
			}
		});
		return names;
	}

	/* A download that failed or was cut would open what a block list denies. */
	#mustBeWhole(name: string, { path }: { path: string }, entries: number, kind: "prefixes" | "names"): void {
		const list = recordOf(this.#lists[name]);
		if (list["allow_empty"] === true && entries === 0) return;
		const at = ["lists", name, "file"];
		if (entries === 0) {
			const message = `the list "${path}" has no entries, as after a failed download; write allow_empty: true beside "file" if it may be empty`;
			this.#report.at(at, message, "at least one entry", "allow_empty: true");
			return;
		}
		const before = this.#environment.listBefore?.(name, path)?.[kind] ?? 0;
		if (list["allow_shrink"] === true || entries >= before * SHRUNK) return;
		const message = `the list "${path}" has ${entries} ${entries === 1 ? "entry" : "entries"}, and ${before} of it are in force, as after a cut download; write allow_shrink: true beside "file" if that is right`;
		this.#report.at(at, message, `at least ${Math.ceil(before * SHRUNK)} entries`, "allow_shrink: true");
	}

	/** Null: the list has no file, or it is unreadable. */
	#open(name: string): { path: string; bytes: Uint8Array } | null {
		const list = this.#lists[name];
		if (!isRecord(list) || typeof list["file"] !== "string") return null;
		const path = list["file"];
		if (!this.#files.has(name)) this.#files.set(name, this.#readFile(name, path));
		const bytes = this.#files.get(name);
		return bytes ? { path, bytes } : null;
	}

	#readFile(name: string, path: string): Uint8Array | null {
		try {
			return this.#environment.readList(path);
		} catch (error) {
			const why = error instanceof Error ? error.message : String(error);
			this.#report.at(["lists", name, "file"], `cannot read the list "${path}": ${why}`, "a readable file");
			return null;
		}
	}

	#items(name: string, take: (text: string, path: Path) => void): void {
		const list = this.#lists[name];
		if (!isRecord(list) || !Array.isArray(list["items"])) return;
		for (const [i, item] of list["items"].entries()) {
			if (typeof item === "string") take(item, ["lists", name, "items", i]);
		}
	}
}
