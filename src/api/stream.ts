import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { LIMITS, TIMES } from "../base/config.ts";
import type { LiveFeed } from "../connections/live-feed.ts";
import type { Connection } from "../records/connection.ts";
import type { HistoryPage, HistoryReader } from "../records/contract.ts";
import { type ConnectionFilter, compileFilter } from "../records/filter.ts";
import { isPlace, type Refused } from "../system/shares.ts";
import type { HidesArguments } from "./access.ts";
import { Refusal } from "./problem-details.ts";
import { type FilterQuery, filterOf } from "./query.ts";
import { headers, string } from "./schemas/base.ts";
import { streamParameters } from "./schemas/parameters.ts";
import type { ApiServices } from "./services.ts";
import type { Sharing } from "./sharing.ts";
import { SseWriter } from "./sse.ts";

/** Marks the event ids of this daemon: the sequence numbers of every daemon begin at 1. */
const newBoot = () => randomBytes(4).toString("hex");

export function streamRoute(
	app: FastifyInstance,
	services: ApiServices,
	{ sharing: { callers, streams, turns }, hidesArguments }: { sharing: Sharing; hidesArguments: HidesArguments },
	log: (error: unknown) => void,
): void {
	const boot = newBoot();
	app.get<{ Querystring: Omit<FilterQuery, "until"> }>(
		"/v1/stream",
		{
			schema: {
				operationId: "streamConnections",
				tags: ["connections"],
				summary: "Follow records as server-sent events.",
				description:
					"The data of a `connection` event is a record. A `missed` event reports the number of matching events that were " +
					"dropped (`count`, null if unknown). `Last-Event-ID` resumes from memory or from history; records from history may " +
					"be repeated. A comment is sent every 15 seconds.",
				querystring: streamParameters,
				headers: headers({ "last-event-id": "The id of the last event that was received." }),
				response: { 200: { description: "The events.", content: { [EVENT_STREAM]: { schema: string } } } },
			},
		},
		(request, reply) => {
			const { feed } = services;
			const { since, ...filter } = filterOf(request.query);
			const matches = compileFilter(filter, services.describe);
			const from = startOf(request, feed, boot, since);
			if (request.method === "HEAD") return reply.type(EVENT_STREAM).send(Readable.from([]));
			const { socket } = request.raw;
			const caller = callers.of(socket);
			const place = streams.take(caller, () => reply.raw.destroy());
			if (!isPlace(place)) throw tooMany(place);
			reply.raw.once("close", place.release);
			reply.hijack();
			const query: Subscription["query"] = (run) => turns.take(socket, run);
			const hideArguments = hidesArguments(request);
			const { isFirst } = caller;
			stream(reply.raw, { services, boot, filter, matches, from, hideArguments, isFirst, query }).catch(
				(error: unknown) => {
					log(error);
					reply.raw.destroy();
				},
			);
		},
	);
}

function tooMany(why: Refused): Refusal {
	const limit = why === "each" ? LIMITS.streamsEach : LIMITS.streams;
	const detail =
		why === "each"
			? `The client has ${limit} streams, which is the limit of one user or address; close one of them.`
			: `${limit} streams are open, which is the limit of the daemon, and no client has many more than this one.`;
	return new Refusal(503, "too-many-streams", detail, { limit }, { "retry-after": "10" });
}

interface Start {
	/** seq of the first event to read. */
	readonly seq: number;
	/** Wall clock [ms]: events since then are no longer in memory. Null: none is missing. */
	readonly gapSince: number | null;
	/** Events in the gap, matching or not; null: unknown. */
	readonly gapCount: number | null;
}

interface Subscription {
	readonly services: ApiServices;
	readonly boot: string;
	readonly filter: ConnectionFilter;
	readonly matches: (connection: Connection) => boolean;
	readonly from: Start;
	readonly hideArguments: boolean;
	readonly isFirst: boolean;
	/** Waits for the caller's turn. */
	readonly query: <T>(run: () => Promise<T>) => Promise<T>;
}

/** Event ids are BOOT-SEQ-TIME; the seq of events from history is 0. */
function startOf({ headers }: FastifyRequest, feed: LiveFeed, boot: string, since: number | undefined): Start {
	const header = headers["last-event-id"];
	const match = typeof header === "string" ? /^([0-9a-f]{8})-(\d{1,15})-(\d{1,15})$/.exec(header) : null;
	if (match === null) return { seq: feed.next, gapSince: since ?? null, gapCount: null };
	const seq = Number(match[2]) + 1;
	const time = Number(match[3]);
	if (match[1] !== boot || seq === 1 || seq > feed.next) return { seq: feed.next, gapSince: time, gapCount: null };
	if (seq >= feed.oldest) return { seq, gapSince: null, gapCount: 0 };
	return { seq: feed.oldest, gapSince: time, gapCount: feed.oldest - seq };
}

async function stream(raw: ServerResponse, subscription: Subscription): Promise<void> {
	const { services, boot, matches, from, hideArguments } = subscription;
	const writer = new SseWriter(raw, { heartbeat: TIMES.heartbeat, stalled: TIMES.stalled });
	let wake: () => void = () => {};
	const reader = services.feed.read(from.seq, matches, () => wake());
	writer.onClosed(() => {
		reader.close();
		wake();
	});
	writer.open();
	if (from.gapSince !== null) await sendGap(writer, subscription, from.gapSince, from.gapCount);
	while (!writer.closed) {
		const missed = reader.takeMissed();
		if (missed > 0) await writer.send("missed", JSON.stringify({ count: missed }), null);
		for (const event of reader.take(CHUNK)) {
			await writer.send("connection", event.text(hideArguments), `${boot}-${event.seq}-${Math.floor(event.time)}`);
			if (writer.closed) break;
		}
		if (writer.closed) break;
		const { promise, resolve } = Promise.withResolvers<void>();
		wake = resolve;
		if (reader.waiting) setImmediate(resolve);
		await promise;
	}
}

/* Sends the gap from history; without history, or if it cannot be read, sends a `missed` event. */
async function sendGap(
	writer: SseWriter,
	subscription: Subscription,
	since: number,
	count: number | null,
): Promise<void> {
	const gone = new AbortController();
	writer.onClosed(() => gone.abort());
	const { source, reader } = await subscription.services.records({
		isFirst: subscription.isFirst,
		signal: gone.signal,
	});
	const complete = source !== "memory" && (await replay(writer, reader, subscription, since).catch(() => false));
	if (!complete) await writer.send("missed", JSON.stringify({ count, since: new Date(since).toISOString() }), null);
}

async function replay(
	writer: SseWriter,
	reader: HistoryReader,
	{ boot, filter: others, hideArguments, query }: Subscription,
	since: number,
): Promise<boolean> {
	const filter = { ...others, since };
	let cursor: string | null = null;
	for (let sent = 0; sent < LIMITS.replay && !writer.closed; ) {
		const from: { readonly cursor?: string } = cursor === null ? {} : { cursor };
		const page: HistoryPage = await query(() =>
			reader.query({ filter, hideArguments, sort: "first", limit: CHUNK, ...from }),
		);
		for (const row of page.rows) {
			await writer.send("connection", JSON.stringify(row), `${boot}-0-${Math.floor(Date.parse(row.first))}`);
			sent++;
		}
		if (page.next === null) return true;
		cursor = page.next;
	}
	return writer.closed;
}

const EVENT_STREAM = "text/event-stream";

/** Events or records read in one step. */
const CHUNK = 100;
