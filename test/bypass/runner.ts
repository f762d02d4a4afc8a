/** Runs rows one after the other on one scene, and says what came of each. */
import { records, type Seen } from "../support/api.ts";
import { sleep } from "../support/run.ts";
import { byAddress } from "./policies.ts";
import type { Outcome, Place, Row, Tried } from "./row.ts";
import type { Scene } from "./scene.ts";
import { target } from "./target.ts";

/** TCP would send a dropped first segment again by now. */
const LATE_MS = 250;
const RECORD_MS = 800;

export async function runRow(scene: Scene, row: Row, number: number): Promise<Outcome> {
	const own = target(number);
	await scene.stage.world.server.clear();
	await scene.stage.daemon.put((row.policy ?? byAddress)(own));
	const tried = await row.run(scene, own);
	const { bytes, recorded } = tried.measured ?? (await measure(scene, row.kind, tried.at));
	const held = row.kind === "pass" ? tried.ok === true : bytes === 0 && tried.ok !== true;
	return { row, arrived: bytes, told: tried.told ?? "", recorded, held };
}

export async function measure(scene: Scene, kind: Row["kind"], at: Tried["at"]): Promise<{ bytes: number; recorded: string }> {
	if (kind === "stop") await sleep(LATE_MS);
	const { bytes } = await scene.wire.sum(at);
	return { bytes, recorded: await recorded(scene, kind, at) };
}

/** A denial says most; records come a moment after the fact. */
async function recorded(scene: Scene, kind: Row["kind"], at: Tried["at"]): Promise<string> {
	const end = performance.now() + RECORD_MS;
	for (;;) {
		const all = (await Promise.all(at.map((place) => recordsAt(scene, place)))).flat();
		const wanted = all.find((seen) => (seen.verdict === "deny") === (kind === "stop"));
		if (wanted !== undefined) return shown(wanted);
		if (performance.now() > end) return all[0] === undefined ? "no record" : shown(all[0]);
		await sleep(50);
	}
}

async function recordsAt(scene: Scene, place: Place): Promise<Seen[]> {
	const found = await records(scene.stage.daemon, `&address=${encodeURIComponent(place.address)}`);
	return found.filter((seen) => !place.port || seen.port === place.port);
}

function shown(seen: Seen): string {
	return `${seen.verdict} ${seen.phase}: ${seen.rule ?? seen.reason}`;
}
