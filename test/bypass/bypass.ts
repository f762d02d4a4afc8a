/**
 * npm run test:bypass: tries each known way around the policy with real sockets in separate network namespaces, and prints the
 * results.
 */
import { HELP } from "../../scripts/help.mjs";
import { helpIf, misuse } from "../../scripts/options.ts";
import { leftovers } from "../support/leftovers.ts";
import { FAMILIES } from "./families.ts";
import { Fixture } from "./fixture.ts";
import type { Outcome, Row } from "./row.ts";
import { EXPECTED, finding, runRow, trial } from "./runner.ts";
import { heading, lines, notHeld, ruler, section } from "./table.ts";

const args = process.argv.slice(2);
helpIf(args.includes("--help") || args.includes("-h"), HELP["test:bypass"]);
const included = args.filter((arg) => !arg.startsWith("-"));
const excluded = args.filter((arg) => arg.startsWith("-")).map((arg) => arg.slice(1));
const begins = ({ id }: Row, prefixes: readonly string[]) => prefixes.some((prefix) => id.startsWith(prefix));
for (const prefix of [...included, ...excluded])
	if (!Object.values(FAMILIES).some(({ rows }) => rows.some((row) => begins(row, [prefix]))))
		misuse(`There is no row whose id begins with "${prefix}"`);
if (process.geteuid?.() !== 0) {
	process.stderr.write("This must run as root: it makes network namespaces and loads programs into the kernel.\n");
	process.exit(10);
}
const isIncluded = (row: Row) => (included.length === 0 || begins(row, included)) && !begins(row, excluded);
const say = (line: string) => void process.stdout.write(`${line}\n`);
const outcomes: Outcome[] = [];
const inconclusive: string[] = [];
const started = performance.now();
let number = 0;

say(
	"Each row is tried twice: with a policy that blocks nothing (without: what arrived at the server's end of the wire), and",
);
say("with the same policy enforced (arrived). recorded: what the daemon says about it.\n");
say(heading());
say(ruler());
for (const { title, rows } of Object.values(FAMILIES)) {
	const chosen = rows.filter(isIncluded);
	if (chosen.length === 0) continue;
	say(section(title));
	const fixtures = { blocking: await Fixture.make(), free: await Fixture.make({ blocking: false }) };
	try {
		for (const row of chosen) await show(fixtures, row);
	} finally {
		fixtures.free.close();
		fixtures.blocking.close();
	}
}
say(ruler());

const count = (...findings: string[]) => outcomes.filter((each) => findings.includes(finding(each))).length;
for (const line of notHeld(outcomes)) say(line);
say(
	`${outcomes.length} rows in ${((performance.now() - started) / 1000).toFixed(0)} s: ${count("stopped")} stopped, ${count("passed")} let through as they ` +
		`should, ${count("open")} open and known, ${count("waiting")} waiting.`,
);
const surprises = outcomes.filter((each) => !EXPECTED.includes(finding(each)));
if (surprises.length > 0) say(`Not as expected: ${surprises.map(({ row }) => row.id).join(" ")}`);
if (inconclusive.length > 0)
	say(`Nothing arrived without a policy either, so these prove nothing: ${inconclusive.join(" ")}`);
const left = leftovers(true);
if (left.length > 0) say(`Left behind: ${left.join(" ")}`);
process.exitCode = surprises.length > 0 || inconclusive.length > 0 || left.length > 0 ? 1 : 0;

async function show(fixtures: { blocking: Fixture; free: Fixture }, row: Row): Promise<void> {
	number += 1;
	const [without, outcome] = await Promise.all([
		trial(fixtures.free, row, number),
		runRow(fixtures.blocking, row, number),
	]);
	if (without === 0) inconclusive.push(row.id);
	outcomes.push(outcome);
	say(lines(outcome, without));
}
