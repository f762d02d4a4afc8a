/** N17 and N18: connections that are open when a name's TTL expires or the policy changes. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OpenConnection } from "../support/open-connection.ts";
import { SLOW, sleep, until } from "../support/run.ts";
import { PORTS } from "../support/stage.ts";
import { DATA, type Fixture } from "./fixture.ts";
import { hello } from "./hellos.ts";
import { byAddress, byName } from "./policies.ts";
import type { Row } from "./row.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

/** Long enough to connect [s]. A name remains known for one more second. */
const GRACE = Math.ceil(SLOW / 4);

function brief(t: Target): string {
	const echo = { name: "echo", to: { domain: t.good.name, ports: PORTS.echo } };
	return byName(t, [echo], { ttl: { floor: 1, grace: GRACE } });
}

const KNOWN_MS = (GRACE + 1) * 1000 + 500;

async function learnBriefly(fixture: Fixture, { good }: Target): Promise<void> {
	await fixture.zone({ [good.name]: [{ type: "A", data: good.v4, ttl: 1 }] });
	await fixture.ask(good.name);
	await fixture.zone({});
}

/** A connection to the echo port. Only bytes received from now on are counted. */
async function talking(fixture: Fixture, address: string): Promise<OpenConnection> {
	const connection = new OpenConnection(fixture.stage.world, address, PORTS.echo);
	connection.go();
	await connection.reached("echoed");
	return connection;
}

async function stays(fixture: Fixture, connection: OpenConnection, address: string) {
	const before = (await fixture.wire.at({ address })).bytes;
	await sleep(300);
	const more = (await fixture.wire.at({ address })).bytes - before;
	const { last } = connection;
	connection.close();
	return { at: [{ address }], clientSaw: last ?? "", ok: last === "echoed" && more > 10 };
}

export const NAMES_OPEN_CONNECTIONS: readonly Row[] = [
	{
		id: "N17a",
		title: "an open connection when its name's TTL expires",
		kind: "pass",
		policy: brief,
		run: async (fixture, t) => {
			await learnBriefly(fixture, t);
			const connection = await talking(fixture, t.good.v4);
			await sleep(KNOWN_MS);
			return stays(fixture, connection, t.good.v4);
		},
	},
	{
		id: "N17b",
		title: "the same, and then a policy is loaded that still allows it",
		kind: "pass",
		policy: brief,
		run: async (fixture, t) => {
			await learnBriefly(fixture, t);
			const connection = await talking(fixture, t.good.v4);
			await sleep(KNOWN_MS);
			await fixture.put(brief({ ...t, also: t.evil }));
			await sleep(300);
			return stays(fixture, connection, t.good.v4);
		},
	},
	{
		id: "N17c",
		title: "the same after a hello: TLS records continue",
		kind: "pass",
		policy: brief,
		run: async (fixture, t) => {
			await learnBriefly(fixture, t);
			const bytes = hello(t.good.name);
			const sent = fixture.script("tcp4", [
				`connect=${t.good.v4},${PORTS.sink}`,
				`send=${bytes.toString("hex")}`,
				`wait=${KNOWN_MS + 500}`,
				`send=${DATA}`,
				"wait=200",
			]);
			await sleep(KNOWN_MS);
			await fixture.put(brief({ ...t, also: t.evil }));
			const outcome = await sent;
			const arrived = await fixture.stage.bytesAt({ at: t.good.v4 });
			return { ...attemptAt([{ address: t.good.v4 }], outcome), ok: arrived === bytes.length + DATA.length / 2 };
		},
	},
	{
		id: "N17d",
		title: "a new connection to the address after the TTL",
		kind: "stop",
		policy: brief,
		run: async (fixture, t) => {
			await learnBriefly(fixture, t);
			await sleep(KNOWN_MS);
			return attemptAt([{ address: t.good.v4 }], await fixture.hello(t.good.v4, hello(t.good.name)));
		},
	},
	{
		id: "N18a",
		title: "an open connection when a policy that denies its address is loaded",
		kind: "stop",
		run: async (fixture, t) => {
			const connection = await talking(fixture, t.good.v4);
			await fixture.put(byAddress({ ...t, good: t.also }));
			return ended(fixture, connection, t.good.v4);
		},
	},
	{
		id: "N18b",
		title: "an open connection when a policy that denies its name is loaded",
		kind: "stop",
		policy: brief,
		run: async (fixture, t) => {
			await learnBriefly(fixture, t);
			const connection = await talking(fixture, t.good.v4);
			await fixture.put(brief({ ...t, good: t.also }));
			return ended(fixture, connection, t.good.v4);
		},
	},
	{
		id: "N18c",
		title: "a UDP socket that sent, when a policy that denies its address is loaded",
		kind: "stop",
		run: async (fixture, t) => {
			const ready = join(fixture.stage.world.folder, "denied");
			rmSync(ready, { force: true });
			const sent = fixture.script("udp4", [
				`connect=${t.good.v4},${PORTS.udp}`,
				`send=${DATA}`,
				`until=${ready}`,
				`send=${DATA}`,
				`?send=${DATA}`,
			]);
			const address = t.good.v4;
			await until("the first datagram", 3_000, async () => (await fixture.wire.at({ address })).bytes > 0 || undefined);
			await fixture.put(byAddress({ ...t, good: t.also }));
			writeFileSync(ready, "");
			const outcome = await sent;
			const { bytes } = await fixture.wire.at({ address });
			const first = DATA.length / 2;
			const [seen] = await fixture.stage.records({ address, verdict: "deny" });
			return {
				...attemptAt([], outcome),
				measured: { bytes: bytes - first, recorded: `${seen?.verdict} ${seen?.phase}: ${seen?.reason}` },
			};
		},
	},
];

/** No byte may arrive once the new policy is in force, and the client must get an error. */
async function ended(fixture: Fixture, connection: OpenConnection, address: string) {
	const before = (await fixture.wire.at({ address })).bytes;
	const broken = await connection.reached("broken").catch(() => null);
	await sleep(300);
	const bytes = (await fixture.wire.at({ address })).bytes - before;
	const [seen] = await fixture.stage.records({ address, verdict: "deny" });
	const recorded = seen === undefined ? "no record" : `${seen.verdict} ${seen.phase}: ${seen.rule ?? seen.reason}`;
	return {
		at: [],
		clientSaw: broken?.errno ?? "goes on",
		ok: broken === null || broken.errno === "0",
		measured: { bytes, recorded },
	};
}
