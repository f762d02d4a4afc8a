/** A writer that is killed, dies or does not start loses no written record, and memory stays bounded. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { VERDICT } from "../../../src/native/layout.ts";
import type { HistoryFailureCode } from "../../../src/records/history-status.ts";
import type { WriterData } from "../../../src/store/messages.ts";
import { made, opened, scratch, until } from "./fixture.ts";

const NOW = Date.now() * 1000;

test("after kill -9 the file is valid and has all records older than a second", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	const child = spawn(process.execPath, [join(import.meta.dirname, "writer-main.ts"), file], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	const bursts: { at: number; from: number; to: number }[] = [];
	createInterface({ input: child.stdout }).on("line", (line) => {
		const [at = 0, from = 0, to = 0] = line.split(" ").map(Number);
		bursts.push({ at, from, to });
	});
	await until("it writes", () => bursts.length > 250, 30_000);
	const ended = new Promise((resolve) => child.once("exit", resolve));
	const killed = Date.now();
	child.kill("SIGKILL");
	await ended;
	const safe = bursts.filter(({ at }) => at < killed - 1_000).at(-1)?.to ?? 0;
	expect(safe).toBeGreaterThan(0);

	using database = new DatabaseSync(file);
	expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
	const { n, low } = database
		.prepare("SELECT count(*) AS n, min(id) AS low FROM connection WHERE id <= ?")
		.get(safe) as {
		n: number;
		low: number;
	};
	expect(low).toBe(bursts[0]?.from);
	expect(n).toBe((safe - low) / 250 + 1);
	database.close();
	await using history = opened({ file });
	await until("open", () => history.status().state === "writing");
	expect(history.failures).toEqual([]);
	expect(history.status().rows).toBeGreaterThanOrEqual(n);
});

test("a writer that dies is restarted, and its unwritten records are written once", async () => {
	using folder = scratch();
	const workers: Worker[] = [];
	await using history = opened({ file: join(folder.folder, "history.db") }, (data) => {
		const worker = startWriter(data);
		workers.push(worker);
		return worker;
	});
	await until("open", () => history.status().state === "writing");
	for (let index = 0; index < 20_000; index++) {
		history.record(made({ id: NOW + index, cookie: index + 1 }));
		if (index % 5_000 === 2_500) {
			/* Each restart is a new worker, and on a busy machine the next one may not have started yet. */
			await until("writing", () => history.status().state === "writing");
			await workers.at(-1)?.terminate();
		}
		if (index % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
	}
	await history.flush();
	expect(workers.length).toBeGreaterThanOrEqual(4);
	expect(history.status()).toMatchObject({ rows: 20_000, dropped: 0, failure: null, state: "writing" });
	expect(history.status().writerRestarts).toBe(workers.length - 1);
	expect(codes(history.failures)).toContain("writer_died");
	expect(history.failures.at(-1)).toBeNull();
	const [top] = await history.top({ groupBy: ["name"] });
	expect(top?.count).toBe(20_000);
});

test("while no writer starts, memory is bounded and dropped records are counted", async () => {
	using folder = scratch();
	let mayStart = false;
	const file = join(folder.folder, "history.db");
	await using history = opened({ file, buffer: 1_000 }, (data) => {
		if (mayStart) return startWriter(data);
		return new Worker("process.exit(1)", { eval: true });
	});
	for (let index = 0; index < 5_000; index++) history.record(made({ id: NOW + index, cookie: index + 1 }));
	await until("it is reported", () => history.failures.length > 0);
	expect(history.status()).toMatchObject({ waiting: 750, dropped: 4_250 });
	/* The part of the limit that is reserved for denials. */
	for (let index = 0; index < 300; index++)
		history.record(made({ id: NOW + 20_000 + index, cookie: 20_000 + index, verdict: VERDICT.deny }));
	expect(history.status()).toMatchObject({ waiting: 1_000, dropped: 4_300 });
	mayStart = true;
	await history.flush();
	expect(history.status()).toMatchObject({ rows: 1_000, dropped: 4_300, waiting: 0, failure: null });
	const [, denied] = await history.top({ groupBy: ["verdict"] });
	expect(denied).toMatchObject({ key: { verdict: "deny" }, count: 250 });
	/* All records are kept again. */
	history.record(made({ id: NOW + 10_000 }));
	await history.flush();
	expect(history.status().rows).toBe(1_001);
});

test("closing ends the threads of the writer and of the reader", async () => {
	using folder = scratch();
	const history = opened({ file: join(folder.folder, "history.db") });
	history.record(made({ id: NOW }));
	await history.close();
	await history.close();
	expect(history.status()).toMatchObject({ state: "off", dropped: 0, rows: 1 });
	history.record(made({ id: NOW + 1 }));
	expect(history.status().dropped).toBe(1);
});

function codes(failures: readonly ({ readonly code: HistoryFailureCode } | null)[]): (HistoryFailureCode | null)[] {
	return failures.map((failure) => failure?.code ?? null);
}

function startWriter(data: WriterData): Worker {
	return new Worker(new URL("../../../src/store/writer.ts", import.meta.url), { workerData: data });
}
