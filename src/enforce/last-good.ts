import { createHash } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorCodeOf, sentence } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { LAYOUT_VERSION, POLICY_HEAD } from "../native/layout.ts";
import { shiftEnds } from "../policy/compile/ends.ts";
import type { Environment, ExeFile, ListFacts } from "../policy/model.ts";
import { bootId, bootTime } from "../system/boot.ts";
import type { PolicyInForce } from "./policy-in-force.ts";

/** The last policy that came into force from the policy file, compiled. A boot puts it in force. */
export interface LastGood {
	readonly rows: Buffer;
	readonly generation: number;
	readonly source: string;
	readonly mode: string;
	readonly rules: number;
	/** Resolvers that the policy names. */
	readonly resolvers: readonly string[];
	/** Search suffixes that the policy names. */
	readonly search: readonly string[];
	/** Programs that rules name, as found when the policy was saved. A boot may change their device numbers. */
	readonly exes: readonly ExeFile[];
	/** Lists with their sizes; absent in files of earlier versions. */
	readonly lists?: readonly ListFacts[];
	readonly savedAt: string;
	/** The clock of the ends of overlays. */
	readonly clock: BootOffset;
}

export interface BootOffset {
	readonly bootId: string;
	/** Wall clock minus CLOCK_BOOTTIME [ms]. */
	readonly offset: number;
}

/** The clock of this boot. */
export function clockNow(): BootOffset {
	return { bootId: bootId(), offset: Date.now() - bootTime() };
}

/** The rows, with the ends of overlays by the clock of this boot. */
export function rowsForThisBoot({ rows, clock }: Pick<LastGood, "rows" | "clock">, now: BootOffset): Buffer {
	if (clock.bootId !== now.bootId) shiftEnds(rows, clock.offset - now.offset);
	return rows;
}

/** Saves a policy that came into force from its file. A failure is logged; the policy stays in force. */
export function keepLastGood(file: string, rows: Buffer, inForce: PolicyInForce, log: Logger): void {
	if (inForce.origin !== "file") return;
	try {
		const { generation, source, loadedAt, policy } = inForce;
		const { mode, rules, resolvers, search, lists } = policy;
		const exes = rules.flatMap(({ from }) => from.exe ?? []);
		const savedAt = loadedAt.toISOString();
		const count = rows.readUInt16LE(POLICY_HEAD.rules);
		const facts = { generation, source, mode, rules: count, resolvers, search, exes, lists, savedAt };
		saveLastGood(file, { rows, ...facts, clock: clockNow() });
	} catch (error) {
		log.error("the policy cannot be saved for the next boot", { error });
	}
}

/** The first program whose device or path is no longer as saved, or null. */
export function movedExe({ exes }: Pick<LastGood, "exes">, exeOf: Environment["exeOf"]): string | null {
	for (const [written, then] of Map.groupBy(exes, ({ written }) => written)) {
		const now = exeOf(written);
		const same =
			now.length === then.length && now.every(({ dev, path }, at) => dev === then[at]?.dev && path === then[at].path);
		if (!same) return written;
	}
	return null;
}

export type ReadLastGood =
	| { readonly found: LastGood; readonly why: null }
	| { readonly found: null; readonly why: string };

export function lastGoodFile(stateDir: string): string {
	return join(stateDir, "last-good");
}

/**
 * Writes one line of JSON, then the rows. The rename after fsync makes it atomic, also over a power loss. Throws system
 * errors.
 */
export function saveLastGood(file: string, policy: LastGood): void {
	const { rows, ...facts } = policy;
	const head = { format: FORMAT, layout: LAYOUT_VERSION, sha256: sha256(rows), ...facts };
	mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
	const draft = `${file}.new`;
	const fd = openSync(draft, "w", 0o640);
	try {
		writeSync(fd, `${JSON.stringify(head)}\n`);
		for (let at = 0; at < rows.length; ) at += writeSync(fd, rows, at);
		fsyncSync(fd);
	} finally {
		closeSync(fd);
	}
	renameSync(draft, file);
}

/** The saved policy, or the reason why there is none. */
export function readLastGood(file: string): ReadLastGood {
	let bytes: Buffer;
	try {
		bytes = readFileSync(file);
	} catch (error) {
		const missing = errorCodeOf(error) === "ENOENT";
		return none(missing ? "no policy has been saved yet" : `${file} cannot be read: ${sentence(error)}`);
	}
	const end = bytes.indexOf(NEWLINE);
	const head = parse(bytes.subarray(0, end).toString("utf8"));
	if (end === -1 || head === null) return none(`${file} is damaged`);
	const { format, layout, sha256: sum, ...facts } = head;
	if (format !== FORMAT || layout !== LAYOUT_VERSION)
		return none(`${file} was written by another version of Sallyport`);
	const rows = bytes.subarray(end + 1);
	return sum === sha256(rows) ? { found: { ...facts, rows }, why: null } : none(`${file} is damaged`);
}

const FORMAT = 2;
const NEWLINE = 0x0a;

type Head = Omit<LastGood, "rows"> & {
	readonly format: number;
	readonly layout: number;
	readonly sha256: string;
};

function parse(text: string): Head | null {
	try {
		return JSON.parse(text) as Head;
	} catch {
		return null;
	}
}

function none(why: string): ReadLastGood {
	return { found: null, why };
}

function sha256(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}
