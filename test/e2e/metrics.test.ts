/**
 * Every connection that the kernel counts is delivered or counted as lost, and every delivered one is in the history once, in the count
 * of a denial, or counted as dropped, at the highest rate of loopback. Each storm takes 3 s, or SALLYPORT_STORM_SECONDS.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decisions, metrics, records } from "../support/api.ts";
import { policy } from "../support/policies.ts";
import { SLOW, until } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { CLOSED, grown, settled, storm } from "../support/storm.ts";

const SECONDS = Number(process.env["SALLYPORT_STORM_SECONDS"] ?? 3);

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(
		policy({
			rules: [
				{ name: "refused", to: { cidr: "198.19.5.0/24", ports: CLOSED } },
				{ name: "six", action: "deny", to: { cidr: "198.19.6.0/24" } },
			],
		}),
	);
});
afterAll(() => stage?.close());

test("a burst of 20,000 connections that are let through is in the history, each once", async () => {
	const before = await settled(stage.daemon);
	const count = await storm(stage.world, "198.19.5.2", CLOSED, 0.001);
	const lost = grown(before, await settled(stage.daemon), "lost", "connect");
	const { rows, ids, sockets, times, dropped } = await kept("198.19.5.2");
	expect(dropped).toBe(0);
	expect([ids, sockets, times]).toEqual([rows, rows, rows]);
	expect(rows).toBeGreaterThanOrEqual(count - lost);
	expect(rows).toBeLessThanOrEqual(count);
});

test.each([
	["let through", "198.19.5.1", CLOSED],
	["denied", "198.19.6.1", PORTS.echo],
])(
	"connections that are %s: kernel count = delivered + counted as lost, and the history has each once, in the count of a denial, or dropped",
	{ timeout: (60_000 + SECONDS * 2_000) * SLOW },
	async (what, to, port) => {
		const before = await settled(stage.daemon);
		const droppedBefore = (await kept(to)).dropped;
		const began = performance.now();
		const count = await storm(stage.world, to, port, SECONDS);
		const seconds = (performance.now() - began) / 1000;
		const after = await settled(stage.daemon);
		const [received, lost] = [grown(before, after, "received", "connect"), grown(before, after, "lost", "connect")];
		note(
			`${what}: ${count} connections in ${seconds.toFixed(1)} s (${Math.round(count / seconds)}/s): ${received} delivered, ${lost} lost`,
		);
		expect(after.decided - before.decided).toBe(count);
		expect(received + lost).toBe(count);
		for (const type of Object.keys(after.written))
			expect(grown(before, after, "received", type), type).toBe(grown(before, after, "written", type));
		const { rows, ids, sockets, times, ...all } = await kept(to);
		const dropped = all.dropped - droppedBefore;
		note(`${what}: ${rows} rows of history for ${times} connections, ${dropped} dropped`);
		expect([ids, sockets]).toEqual([rows, rows]);
		if (port === CLOSED) {
			expect(times).toBe(rows);
			/* The end event of a connection makes a record even if its first event was lost. */
			expect(rows + dropped).toBeGreaterThanOrEqual(count - lost);
			expect(rows).toBeLessThanOrEqual(count);
		} else {
			expect(dropped).toBe(0);
			expect(times).toBe(received);
			/* At most 64 processes of a kind have a record each minute. */
			expect(rows).toBeLessThanOrEqual(64 * Math.ceil(seconds / 60 + 1));
		}
	},
);

/** Rows of the history about connections to an address, once none is waiting to be written. */
async function kept(address: string): Promise<Record<"rows" | "ids" | "sockets" | "times" | "dropped", number>> {
	const dropped = await until("the history has all", 30_000, async () => {
		/* A query flushes the waiting rows. */
		await stage.daemon.get("/v1/connections?limit=1");
		const all = await metrics(stage.daemon);
		const value = (name: string) => all.find((each) => each.name === `sallyport_history_${name}`)?.value;
		return value("waiting_rows") === 0 ? value("dropped_total") : undefined;
	});
	const file = new DatabaseSync(join(stage.world.folder, "state/history.db"), { readOnly: true });
	try {
		const question =
			"SELECT count(*) AS rows, count(DISTINCT id) AS ids, count(DISTINCT cookie) AS sockets, " +
			"coalesce(sum(times), 0) AS times FROM connection WHERE remote = ?";
		const row = file.prepare(question).get(Buffer.from(address.split(".").map(Number)));
		return { ...(row as Record<"rows" | "ids" | "sockets" | "times", number>), dropped };
	} finally {
		file.close();
	}
}

test("a stopped daemon loses events, and each is counted", async () => {
	const before = await settled(stage.daemon);
	const pid = stage.daemon.pid ?? 0;
	process.kill(pid, "SIGSTOP");
	let count = 0;
	try {
		for (let round = 0; round < 4; round++) count += await storm(stage.world, "198.19.6.1", PORTS.echo, 0.001);
	} finally {
		process.kill(pid, "SIGCONT");
	}
	const after = await settled(stage.daemon);
	const [received, lost] = [grown(before, after, "received", "connect"), grown(before, after, "lost", "connect")];
	note(`standing still: ${count} connections: ${received} delivered, ${lost} lost`);
	expect(after.decided - before.decided).toBe(count);
	expect(lost).toBeGreaterThan(0);
	expect(received + lost).toBe(count);
	const byRule = await decisions(stage.daemon);
	expect(byRule.get("connect deny rule six")).toBeGreaterThanOrEqual(count);
});

test("a flood of allowed connections fills the ring buffer without displacing a denial or its process", async () => {
	/* A unit without earlier floods, of which the last second would count. */
	const below = "one.service";
	const before = await settled(stage.daemon);
	const pid = stage.daemon.pid ?? 0;
	process.kill(pid, "SIGSTOP");
	try {
		for (let round = 0; round < 2; round++) await storm(stage.world, "198.19.5.1", CLOSED, 0.001, below);
		await stage.world.run([stage.world.client("storm"), "198.19.6.2", "2", String(PORTS.echo)], { below });
	} finally {
		process.kill(pid, "SIGCONT");
	}
	/* The query arrives while a dozen batches are waiting. */
	const [seen] = await records(stage.daemon, "&address=198.19.6.2");
	expect(seen).toMatchObject({ verdict: "deny", rule: "six" });
	expect(seen?.exe).toMatch(/storm$/);
	expect(grown(before, await settled(stage.daemon), "lost", "connect")).toBeGreaterThan(0);
});

test("a unit whose allowed connections flood the ring buffer loses no denial", { timeout: 60_000 * SLOW }, async () => {
	const below = "two.service";
	let done = false;
	const flooding = storm(stage.world, "198.19.5.1", CLOSED, SECONDS, below).finally(() => {
		done = true;
	});
	let denied = 0;
	while (!done) {
		await stage.world.run([stage.world.client("storm"), "198.19.6.3", "2", String(PORTS.echo)], { below });
		denied += 2;
	}
	note(`one unit: ${await flooding} let through and ${denied} denied`);
	await settled(stage.daemon);
	expect((await kept("198.19.6.3")).times).toBe(denied);
});

/** Prints a measurement, and writes it to a file because vitest drops the output of a passing test. */
function note(line: string): void {
	process.stderr.write(`  ${line}\n`);
	writeFileSync(join(stage.world.folder, "storm.txt"), `${line}\n`, { flag: "a" });
}
