/** Load for $MINUTES (30) with reloads, restarts and kills: no lost event uncounted, memory flat. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../check.mjs";
import { ENFORCE, mainPid, must, policy, running, SLOW, sleep, status, until } from "../host.mjs";
import { scrape, slope, sum } from "../metrics.mjs";
import { resolveBy } from "../names.mjs";
import { OUTSIDE, PORTS } from "../places.mjs";

/* Rounds a second. */
const RATE = SLOW > 1 ? 30 : 60;
/* Events of a second: what waits in the ring at a scrape, and what one daemon took between its last scrape and its end. */
const MOMENT = 4 * RATE;
const MINUTES = Number(process.env["MINUTES"] ?? 30);
/* In parts of the whole. Between the last of the first three and the kill one daemon lives long enough to see its memory grow. */
const ENDS = [
	[0.04, "restart"],
	[0.08, "kill"],
	[0.12, "restart"],
	[0.97, "kill"],
];
/* Of the whole, until what is bounded is full: 10,000 connections that have ended, SQLite's cache of 8 MB (some 30,000 rounds). */
const WARM_UP = SLOW > 1 ? 0.6 : 0.35;
/* Minutes. Memory is the least within a window: garbage comes and goes every minute or two, a policy that is built takes 15 MB for seconds. */
const WINDOW = 2;
const EVERY = 5_000;

export async function rows({ outside }) {
	resolveBy("files dns", `nameserver ${OUTSIDE}\n`);
	const soak = new Soak();
	const arrived = await outside();
	await check(`${MINUTES} minutes of load with reloads, restarts and kills`, async () => {
		const met = await soak.run();
		assert.deepEqual(met.odd, {}, "everything is as it is decided");
		assert.ok(met.allowed > 0 && met.denied > 0);
		return `${met.allowed} allowed, ${met.denied} denied, ${met.asked} questions; ${soak.reloads} reloads, ${soak.lives.length} daemons`;
	});
	await check("nothing that is denied has arrived", async () => {
		assert.equal((await outside())[PORTS.denied].connections, arrived[PORTS.denied].connections);
	});
	await check("each decision is counted, over all daemons", () => {
		const [first, last] = [soak.lives[0].first, soak.lives.at(-1).last];
		const grown = (what) => what(last) - what(first);
		assert.equal(
			grown(({ denied }) => denied),
			soak.met.denied,
		);
		assert.equal(
			grown(({ allowed }) => allowed),
			soak.met.allowed,
		);
		return `${soak.met.denied} denied, ${soak.met.allowed} allowed, as the clients have counted`;
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
			.map(({ first }, index) => first.written - first.received - soak.lives[index].last.written);
		for (const missed of between) assert.ok(Math.abs(missed) <= MOMENT, `${between} events between two daemons`);
		const { lost, unreadable, missing } = soak.lives.at(-1).last;
		assert.equal(unreadable + missing, 0);
		const total = soak.lives.at(-1).last.written - soak.lives[0].first.written;
		return `${total} written, ${lost} lost; between two daemons (what one took in its last moment, less what waited in the ring) ${between.join(", ")}`;
	});
	await check("memory is flat", () => {
		const long = soak.lives.toSorted((a, b) => b.memory.length - a.memory.length)[0];
		const points = long.memory.filter(([minute]) => minute >= long.memory[0][0] + WARM_UP * MINUTES);
		const minutes = points.at(-1)[0] - points[0][0];
		const least = leastOf(points);
		const perMinute = Number(slope(least).toFixed(1));
		const figures = points.map(([, kilobytes]) => kilobytes);
		const text = `${perMinute} kB/min over ${minutes.toFixed(1)} min (least of each ${WINDOW}: ${least.map(([, kilobytes]) => kilobytes).join(", ")} kB of its own; at most ${Math.max(...figures)}); daemon's processor ${long.processor.toFixed(1)} %`;
		if (minutes >= 10) assert.ok(perMinute < FLAT, text);
		return text;
	});
}

/** kB/min: 30 MB in a day. */
const FLAT = 21;

/** Of points in time [minute, kB] the least of each whole window. */
function leastOf(points) {
	const windows = [];
	for (const point of points) {
		const index = Math.floor((point[0] - points[0][0]) / WINDOW);
		if (windows[index] === undefined || point[1] < windows[index][1]) windows[index] = point;
	}
	const isWhole = (points.at(-1)[0] - points[0][0]) % WINDOW > WINDOW * 0.75;
	return isWhole ? windows : windows.slice(0, -1);
}

class Soak {
	lives = [];
	reloads = 0;
	met = null;

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
			this.lives.at(-1).sample(minute());
			if (ends.length > 0 && minute() >= ends[0].at) await this.#end(ends.shift().how);
			else if (minute() >= next) {
				next++;
				this.#reload();
			}
		}
		load.kill("SIGTERM");
		await new Promise((resolve) => load.once("close", resolve));
		await sleep(2_000);
		this.lives.at(-1).sample(minute());
		this.met = JSON.parse(out);
		return this.met;
	}

	/* Two policies by turns, that decide the same. */
	#reload() {
		policy(this.reloads++ % 2 === 0 ? ENFORCE.replace("priority: 10", "priority: 20") : ENFORCE);
		must("systemctl", "reload", "sallyport");
	}

	async #end(how) {
		const life = this.lives.at(-1);
		life.sample(null);
		if (how === "kill") process.kill(life.pid, "SIGKILL");
		else must("systemctl", "restart", "sallyport");
		await until("the next one", 60, () => mainPid() > 0 && mainPid() !== life.pid && status().pid === mainPid());
		await running();
		this.lives.push(new Life());
	}
}

class Life {
	pid = mainPid();
	first = figures();
	last = this.first;
	/** Minute, kB. */
	memory = [];
	/** Of one processor, in percent, so far. */
	processor = 0;
	#begun = performance.now();
	#ticks = this.#used();

	sample(minute) {
		this.last = figures();
		this.processor = ((this.#used() - this.#ticks) / (performance.now() - this.#begun)) * 1_000;
		if (minute === null) return;
		const [, kilobytes] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"));
		this.memory.push([minute, Number(kilobytes)]);
	}

	#used() {
		const [user, system] = readFileSync(`/proc/${this.pid}/stat`, "utf8").split(") ")[1].split(" ").slice(11, 13);
		return Number(user) + Number(system);
	}
}

function figures() {
	const series = scrape();
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
