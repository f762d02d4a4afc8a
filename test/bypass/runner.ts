/** Runs rows one after another in one fixture, and classifies their results. */
import { metrics, records, type Seen } from "../support/api.ts";
import { SLOW, sleep } from "../support/run.ts";
import type { Fixture, Scripted } from "./fixture.ts";
import { whyNot } from "./known.ts";
import { byAddress } from "./policies.ts";
import type { Attempt, Outcome, Place, Row } from "./row.ts";
import { target } from "./target.ts";

/** By then TCP would have retransmitted a dropped first segment [ms]. */
const LATE_MS = 250;
const RECORD_MS = 800;
/** Polling itself takes CPU time that a slow machine needs for the test. */
const POLL_MS = 50 * SLOW;

export async function runRow(fixture: Fixture, row: Row, number: number): Promise<Outcome> {
	try {
		return await attempt(fixture, row, number);
	} catch (error) {
		const clientSaw = (error instanceof Error ? error.message : String(error)).slice(0, 200);
		return { row, arrived: 0, clientSaw, recorded: "could not be tried", held: false };
	}
}

/** Bytes that arrive in a fixture that blocks nothing. A row with none here would prove nothing. */
export async function trial(fixture: Fixture, row: Row, number: number): Promise<number | null> {
	if (row.kind === "pass" || row.costly) return null;
	try {
		const { arrived, held } = await attempt(fixture, row, number);
		return held ? 0 : Math.max(1, arrived);
	} catch {
		return whyNot(row.id) === null ? 0 : null;
	}
}

/** Classification of a row's result, given the list of known open rows. */
export type Finding = "stopped" | "passed" | "open" | "waiting" | "OPEN" | "BROKEN" | "listed, but held";

export function finding({ row, held }: Outcome): Finding {
	const known = whyNot(row.id);
	if (held) return known !== null ? "listed, but held" : row.kind === "stop" ? "stopped" : "passed";
	return known?.known ?? (row.kind === "stop" ? "OPEN" : "BROKEN");
}

export const EXPECTED: readonly Finding[] = ["stopped", "passed", "open", "waiting"];

async function attempt(fixture: Fixture, row: Row, number: number): Promise<Outcome> {
	const own = target(number);
	await fixture.stage.world.server.clear();
	await fixture.put((row.policy ?? byAddress)(own));
	const tried = await row.run(fixture, own);
	const { bytes, recorded } = tried.measured ?? (await measure(fixture, row.kind, tried.at));
	const held = row.kind === "pass" ? tried.ok === true : bytes === 0 && tried.ok !== true;
	return { row, arrived: bytes, clientSaw: tried.clientSaw ?? "", recorded, held };
}

export async function measure(
	fixture: Fixture,
	kind: Row["kind"],
	at: Attempt["at"],
): Promise<{ bytes: number; recorded: string }> {
	if (kind === "stop") await sleep(LATE_MS);
	const { bytes } = await fixture.wire.sum(at);
	return { bytes, recorded: await recorded(fixture, kind, at) };
}

/** Denials are preferred; records appear a moment after the event. */
async function recorded(fixture: Fixture, kind: Row["kind"], at: Attempt["at"]): Promise<string> {
	const end = performance.now() + (fixture.blocking ? RECORD_MS * SLOW : 0);
	for (;;) {
		const all = (await Promise.all(at.map((place) => recordsAt(fixture, place)))).flat();
		const expected = all.find((seen) => (seen.verdict === "deny") === (kind === "stop"));
		if (expected !== undefined) return shown(expected);
		if (performance.now() > end) return all[0] === undefined ? await unrecorded(fixture) : shown(all[0]);
		await sleep(POLL_MS);
	}
}

/* The record of a flood may be lost; then the loss is counted. */
async function unrecorded(fixture: Fixture): Promise<string> {
	const lost = fixture.blocking ? await lostEvents(fixture) : 0;
	return lost > 0 ? `no record, ${lost} lost` : "no record";
}

/** Lost events since the daemon's start. */
export async function lostEvents(fixture: Fixture): Promise<number> {
	const lost = (await metrics(fixture.stage.daemon)).filter((each) => each.name.includes("lost"));
	return lost.reduce((sum, each) => sum + each.value, 0);
}

/** The denial of one client, for destinations that several clients use. */
export async function deniedOf(fixture: Fixture, { pid }: Scripted): Promise<string> {
	for (let tries = 0; tries < 10 && fixture.blocking; tries++) {
		const [seen] = await fixture.stage.records({ pid, verdict: "deny" });
		if (seen !== undefined) return shown(seen);
		await sleep(POLL_MS);
	}
	return "no record";
}

async function recordsAt(fixture: Fixture, place: Place): Promise<Seen[]> {
	const found = await records(fixture.stage.daemon, `&address=${encodeURIComponent(place.address)}`);
	return found.filter((seen) => !place.port || seen.port === place.port);
}

export function shown(seen: Seen): string {
	return `${seen.verdict} ${seen.phase}: ${seen.rule ?? seen.reason}`;
}
