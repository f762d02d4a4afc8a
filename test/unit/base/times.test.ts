import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { instantOf, parseTime } from "../../../src/base/times.ts";

const NOON = Date.UTC(2026, 0, 31, 12);

test.for([
	["15m", NOON - 900_000],
	["-15m", NOON - 900_000],
	["2h", NOON - 7_200_000],
	["500ms", NOON - 500],
	["1767225600", 1_767_225_600_000],
	["1767225600.5", 1_767_225_600_500],
	["2026-01-31T12:00:00Z", NOON],
	["2026-01-31T12:00:00", NOON],
	["2026-01-31 12:00", NOON],
	["2026-01-31t12:00:00.25z", NOON + 250],
	["2026-01-31T07:00:00-05:00", NOON],
	["2026-01-31T21:00+09:00", NOON],
	["2026-01-31", Date.UTC(2026, 0, 31)],
	["2026-02-30", null],
	["2026-13-01", null],
	["2026-01-31T25:00:00Z", null],
	["2026-01", null],
	["2026-01-31T12", null],
	["2026-01-31T12:00:00+24:00", null],
	["yesterday", null],
	["", null],
] as const)("%s without a zone is UTC", ([text, expected]) => {
	expect(parseTime(text, NOON)).toBe(expected);
});

/** The zone of a process is fixed when it starts. */
function inZone(zone: string, texts: readonly string[]): unknown {
	const module = join(import.meta.dirname, "../../../src/base/times.ts");
	const script = `import { instantOf, parseTime } from ${JSON.stringify(module)};
const texts = ${JSON.stringify(texts)};
console.log(JSON.stringify(texts.map((text) => [instantOf(text), parseTime(text, 0)])));`;
	const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
		env: { ...process.env, TZ: zone },
		encoding: "utf8",
	});
	expect(run.stderr).toBe("");
	return JSON.parse(run.stdout);
}

test("the terminal's zone makes an instant; the daemon's zone never matters", () => {
	expect(inZone("America/New_York", ["2026-01-31T07:00:00", "2026-01-31", "2026-07-01 07:00"])).toEqual([
		["2026-01-31T12:00:00.000Z", Date.UTC(2026, 0, 31, 7)],
		["2026-01-31T05:00:00.000Z", Date.UTC(2026, 0, 31)],
		["2026-07-01T11:00:00.000Z", Date.UTC(2026, 6, 1, 7)],
	]);
	expect(inZone("Asia/Tokyo", ["2026-01-31T21:00:00"])).toEqual([
		["2026-01-31T12:00:00.000Z", Date.UTC(2026, 0, 31, 21)],
	]);
});

test("times with a zone, ages and seconds are sent unchanged", () => {
	for (const text of ["15m", "1767225600", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00-05:00"])
		expect(instantOf(text)).toBe(text);
	for (const text of ["yesterday", "2026-02-30", ""]) expect(instantOf(text)).toBeNull();
});
