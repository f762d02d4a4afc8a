/** Load for $MINUTES (30) with reloads, restarts and kills: every lost event is counted, and memory does not grow. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../check.mjs";
import { ENFORCE, mainPid, must, policy, running, SLOW, sleep, status, until } from "../host.mjs";
import { scrape, slope, sum } from "../metrics.mjs";
import { resolveBy } from "../names.mjs";
import { OUTSIDE, PORTS } from "../outside-addresses.mjs";

/* Rounds per second. */
const RATE = SLOW > 1 ? 30 : 60;
/* Events in one second: those in the ring at a scrape, and those read between the last scrape of a daemon and its end. */
const MOMENT = 4 * RATE;
const MINUTES = Number(process.env["MINUTES"] ?? 30);
/* Fractions of the duration. Between the third and the fourth one daemon lives long enough to measure its memory. */
/** @type {[at: number, how: "restart" | "kill"][]} */
const ENDS = [
	[0.04, "restart"],
	[0.08, "kill"],
	[0.12, "restart"],
	[0.97, "kill"],
];
/* Fraction of the duration until bounded memory is full: 10,000 ended connections, SQLite's cache of 8 MB (about 30,000 rounds). */
const WARM_UP = SLOW > 1 ? 0.6 : 0.35;
/* Minutes. The least within a window counts: garbage is collected every minute or two, and a policy build takes 15 MB for seconds. */
const WINDOW = 2;
/* ms between samples. */
const EVERY = 5_000;

/** @typedef {import("../metrics.mjs").Point} Point minute, kB */
/** @typedef {{ allowed: number, denied: number, asked: number, odd: Record<string, number> }} Load */

/** @param {import("../checks.mjs").Setting} setting */
export async function rows({ outside }) {
	resolveBy("files dns", `nameserver ${OUTSIDE}\n`);
	const soak = new Soak();
	const arrived = await outside();
	await check(`${MINUTES} minutes of load with reloads, restarts and kills`, async () => {
		const met = await soak.run();
		assert.deepEqual(met.odd, {}, "every attempt ended as decided");
		assert.ok(met.allowed > 0 && met.denied > 0);
		return `${met.allowed} allowed, ${met.denied} denied, ${met.asked} questions; ${soak.reloads} reloads, ${soak.lives.length} daemons`;
	});
	await check("nothing denied has arrived", async () => {
		assert.equal((await outside())[PORTS.denied]?.connections, arrived[PORTS.denied]?.connections);
	});
	await check("each decision is counted, over all daemons", () => {
		const { first } = soak.firstLife;
		const { last } = soak.lastLife;
		assert.equal(last.denied - first.denied, soak.met.denied);
		assert.equal(last.allowed - first.allowed, soak.met.allowed);
		return `${soak.met.denied} denied, ${soak.met.allowed} allowed, as counted by the clients`;
	});
	await check("each event is delivered or counted as lost", () => {
		const lives = soak.lives.map(({ first, last }) => ({
			written: last.written - first.written,
			received: last.received - first.received,
		}));
		for (const { written, received } of lives)
			assert.ok(Math.abs(written - received) <= MOMENT, `${written} written, ${received} received`);
		const between = soak.lives
			.slice(1)
			.map(({ first }, index) => first.written - first.received - (soak.lives[index]?.last.written ?? 0));
		for (const missed of between) assert.ok(Math.abs(missed) <= MOMENT, `${between} events between two daemons`);
		const { lost, unreadable, missing } = soak.lastLife.last;
		assert.equal(unreadable + missing, 0);
		const total = soak.lastLife.last.written - soak.firstLife.first.written;
		return `${total} written, ${lost} lost; between two daemons (read after the last scrape, less the events in the ring) ${between.join(", ")}`;
	});
	await check("memory is flat", () => {
		const long = soak.lives.reduce((best, life) => (life.memory.length > best.memory.length ? life : best));
		const start = long.memory[0]?.[0] ?? 0;
		const points = long.memory.filter(([minute]) => minute >= start + WARM_UP * MINUTES);
		const minutes = spanOf(points);
		const least = leastOf(points);
		const perMinute = Number(slope(least).toFixed(1));
		const figures = points.map(([, kilobytes]) => kilobytes);
		const text = `${perMinute} kB/min over ${minutes.toFixed(1)} min (least of each ${WINDOW}: ${least.map(([, kilobytes]) => kilobytes).join(", ")} kB anonymous; at most ${Math.max(...figures)}); daemon's processor ${long.processor.toFixed(1)} %`;
		if (minutes >= 10) assert.ok(perMinute < FLAT, text);
		return text;
	});
}

/** kB/min: 30 MB in a day. */
const FLAT = 21;

/** Minutes from the first to the last. @param {readonly Point[]} points */
function spanOf(points) {
	return (points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0);
}

/** The least of each whole window. @param {readonly Point[]} points */
function leastOf(points) {
	/** @type {Point[]} */
	const windows = [];
	for (const point of points) {
		const index = Math.floor((point[0] - (points[0]?.[0] ?? 0)) / WINDOW);
		const least = windows[index];
		if (least === undefined || point[1] < least[1]) windows[index] = point;
	}
	const isWhole = spanOf(points) % WINDOW > WINDOW * 0.75;
	return isWhole ? windows : windows.slice(0, -1);
}

class Soak {
	/** One for each daemon. @type {Life[]} */
	lives = [];
	reloads = 0;
	/** @type {Load} */
	met = { allowed: 0, denied: 0, asked: 0, odd: {} };

	get firstLife() {
		return /** @type {Life} */ (this.lives[0]);
	}

	get lastLife() {
		return /** @type {Life} */ (this.lives.at(-1));
	}

	async run() {
		const args = [join(import.meta.dirname, "../load.mjs"), OUTSIDE, ...Object.values(PORTS), RATE].map(String);
		this.lives.push(new Life());
		const load = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
		let out = "";
		load.stdout.on("data", (part) => (out += part));
		const started = performance.now();
		const minute = () => (performance.now() - started) / 60_000;
		const ends = ENDS.map(([part, how]) => ({ at: part * MINUTES, how }));
		for (let next = 1; minute() < MINUTES; ) {
			await sleep(EVERY);
			this.lastLife.sample(minute());
			const [end] = ends;
			if (end !== undefined && minute() >= end.at) {
				ends.shift();
				await this.#end(end.how);
			} else if (minute() >= next) {
				next++;
				this.#reload();
			}
		}
		load.kill("SIGTERM");
		await new Promise((resolve) => load.once("close", resolve));
		await sleep(2_000);
		this.lastLife.sample(minute());
		this.met = JSON.parse(out);
		return this.met;
	}

	/* Alternates between two policies that decide alike. */
	#reload() {
		policy(this.reloads++ % 2 === 0 ? ENFORCE.replace("priority: 10", "priority: 20") : ENFORCE);
		must("systemctl", "reload", "sallyport");
	}

	/** @param {"restart" | "kill"} how */
	async #end(how) {
		const life = this.lastLife;
		life.sample(null);
		if (how === "kill") process.kill(life.pid, "SIGKILL");
		else must("systemctl", "restart", "sallyport");
		await until("the next daemon", 60, () => mainPid() > 0 && mainPid() !== life.pid && status().pid === mainPid());
		await running();
		this.lives.push(new Life());
	}
}

class Life {
	pid = mainPid();
	first = figures();
	last = this.first;
	/** @type {Point[]} */
	memory = [];
	/** Percent of one processor so far. */
	processor = 0;
	#begun = performance.now();
	#ticks = this.#used();

	/** @param {number | null} minute null: without memory */
	sample(minute) {
		this.last = figures();
		this.processor = ((this.#used() - this.#ticks) / (performance.now() - this.#begun)) * 1_000;
		if (minute === null) return;
		const kilobytes = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))?.[1];
		this.memory.push([minute, Number(kilobytes)]);
	}

	#used() {
		const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
		return Number(fields[11]) + Number(fields[12]);
	}
}

function figures() {
	const series = scrape();
	/** @param {string} verdict */
	const connect = (verdict) =>
		sum(series, "sallyport_decisions_total", `phase="connect",verdict="${verdict}",mode="enforce"`);
	return {
		written: sum(series, "sallyport_events_total"),
		received: sum(series, "sallyport_events_received_total"),
		lost: sum(series, "sallyport_events_lost_total"),
		unreadable: sum(series, "sallyport_events_unreadable_total"),
		missing: sum(series, "sallyport_map_full_total"),
		denied: connect("deny"),
		allowed: connect("allow"),
	};
}
