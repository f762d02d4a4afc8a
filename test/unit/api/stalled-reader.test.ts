/** One of two stream readers stalls for a minute: it costs bounded memory and learns how much it missed; the other misses nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect as connectSocket, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { sleep, until } from "../../support/run.ts";
import { openApi, openSocket } from "../support/api.ts";
import { connect } from "../support/events.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

const SECONDS = Number(process.env["SALLYPORT_STALL_SECONDS"] ?? 60);
/** Events per second, as on a busy host. */
const RATE = 1_000;
/** Events kept for all readers together. */
const REPLAYED = 1_000;
/** Socket buffers of the stalled reader, and measurement noise [bytes]. */
const SPARE = 8 * 1024 * 1024;

test(`for ${SECONDS} s at ${RATE} events/s`, { timeout: (SECONDS + 60) * 1_000 }, async () => {
	const folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	const path = join(folder, "api.sock");
	/* Small tables, so that any growth comes from the stream. */
	const harness = new TableHarness({ live: 50, finished: 50 });
	const services = new FakeServices(harness, REPLAYED);
	harness.table.watch({ opened: (each) => services.feed.push(each, each.first), denied() {}, ended() {} });
	const app = await openApi(services);
	const readers: Reader[] = [];
	try {
		await openSocket(app, path, null);
		const [stalled, well] = [await Reader.open(path), await Reader.open(path)];
		readers.push(stalled, well);
		await until("two readers", 2_000, () => services.feed.readers === 2 || undefined);

		let happened = 0;
		const happen = (count: number) => {
			harness.feed(
				...Array.from({ length: count }, () => connect({ cookie: BigInt(++happened), time: happened * 1e6 })),
			);
		};
		happen(10);
		await until("both read", 2_000, () => (stalled.count === 10 && well.count === 10) || undefined);
		stalled.socket.pause();
		const began = performance.now();
		const memory: number[] = [];
		while (performance.now() - began < SECONDS * 1_000) {
			happen(RATE / 20);
			await until("the other reads along", 5_000, () => well.count === happened || undefined);
			if (happened % RATE < RATE / 20) memory.push(used());
			await sleep(50);
		}
		const missedBefore = stalled.missed;
		stalled.socket.resume();
		happen(1);
		await until("the stalled one catches up", 10_000, () => stalled.count + stalled.missed === happened || undefined);
		await until("the other too", 5_000, () => well.count === happened || undefined);

		expect(happened).toBeGreaterThan((SECONDS * RATE) / 4);
		expect(well).toMatchObject({ missed: 0, disorder: 0, count: happened });
		expect(stalled).toMatchObject({ disorder: 0, last: well.last });
		expect(missedBefore).toBe(0);
		expect(stalled.missed).toBeGreaterThan(happened / 2);
		/* Received and missed events add up to all events. */
		expect(stalled.count + stalled.missed).toBe(happened);
		const settled = memory.slice(Math.floor(memory.length / 4));
		expect(Math.max(...settled) - (settled[0] ?? 0)).toBeLessThan(SPARE);
	} finally {
		for (const reader of readers) reader.socket.destroy();
		await app.close();
		rmSync(folder, { recursive: true, force: true });
	}
});

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Used bytes of this process: the heap, and buffers outside it. */
function used(): number {
	collect();
	const { heapUsed, external } = process.memoryUsage();
	return heapUsed + external;
}

/** Counts events without keeping them. */
class Reader {
	count = 0;
	missed = 0;
	/** Ids that are not greater than the previous one. */
	disorder = 0;
	last = 0;
	readonly socket: Socket;
	#rest = "";

	private constructor(socket: Socket) {
		this.socket = socket;
	}

	static async open(path: string): Promise<Reader> {
		const socket = connectSocket(path);
		const reader = new Reader(socket);
		const asked = request({ createConnection: () => socket, path: "/v1/stream" });
		asked.on("error", () => {});
		asked.on("response", (response) => {
			response.on("error", () => {});
			response.setEncoding("utf8").on("data", (text: string) => reader.#take(text));
		});
		asked.end();
		return reader;
	}

	#take(text: string): void {
		const blocks = (this.#rest + text).split("\n\n");
		this.#rest = blocks.pop() ?? "";
		for (const block of blocks) {
			const data = /^data: (.*)$/m.exec(block)?.[1];
			if (data === undefined) continue;
			const { id, count } = JSON.parse(data) as { id: number; count: number };
			if (block.startsWith("event: missed")) this.missed += count;
			else {
				if (id <= this.last) this.disorder++;
				this.last = id;
				this.count++;
			}
		}
	}
}
