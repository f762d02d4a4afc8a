/** `npm run test:corpus`: runs third-party captures through the parsers in the kernel and in user space. */
import { HELP } from "../../scripts/help.mjs";
import { misuse, readOptions } from "../../scripts/options.ts";
import { openAddon } from "../../src/native/addon.ts";
import { Scratch } from "../native/scratch.ts";
import { compare } from "./compare.ts";
import { CORPUS, type Row, readManifest } from "./manifest.ts";
import { observe } from "./observe.ts";
import type { Outcome } from "./outcome.ts";
import { inBoth } from "./parser-pair.ts";
import { printOutcomes } from "./table.ts";

export interface JudgedCapture {
	readonly row: Row;
	readonly outcomes: readonly Outcome[];
}

/** Only captures whose file name contains `only`. */
async function judge(rows: readonly Row[]): Promise<{ captures: JudgedCapture[]; asked: number }> {
	const scratch = new Scratch();
	try {
		const both = inBoth(openAddon(), scratch.load({ detached: true }));
		const captures: JudgedCapture[] = [];
		for (const row of rows) captures.push({ row, outcomes: compare(row, await observe(CORPUS, row.file, both.parse)) });
		return { captures, asked: both.asked() };
	} finally {
		scratch.close();
	}
}

const [only = ""] = readOptions(HELP["test:corpus"], {}, 1).positionals;
const rows = readManifest(CORPUS)?.filter(({ file }) => file.includes(only));
if (rows?.length === 0) misuse(`No capture in ${CORPUS} has "${only}" in its file name`);
if (rows === undefined) {
	process.stderr.write(
		`THE CORPUS IS NOT THERE: no manifest.jsonl in ${CORPUS}. Nothing was compared. SALLYPORT_CORPUS names its folder.\n`,
	);
	process.exitCode = 1;
} else {
	const { captures, asked } = await judge(rows);
	printOutcomes(captures, (line) => process.stdout.write(`${line}\n`));
	process.stdout.write(`kernel and user space gave the same answer, byte for byte, to ${asked} questions\n`);
	if (captures.some(({ outcomes }) => outcomes.some(({ kind }) => kind === "disagreed"))) process.exitCode = 1;
}
