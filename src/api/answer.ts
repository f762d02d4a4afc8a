import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { HistoryRecord } from "../store/history.ts";
import { csvHeader, csvRow } from "./csv.ts";
import { Refusal } from "./problem-details.ts";

/** What a list can be given as, the default first. */
export type Format = "application/json" | "application/x-ndjson" | "text/csv";

/** RFC 9110 12.5.1, as far as whole types and their weights go. */
export function formatOf(accept: string | undefined): Format {
	if (accept === undefined || accept.trim() === "") return "application/json";
	let best: Format | null = null;
	let weight = 0;
	for (const part of accept.split(",").slice(0, 20)) {
		const [type = "", ...parameters] = part.split(";").map((each) => each.trim().toLowerCase());
		const quality = parameters.map((each) => /^q=([\d.]{1,5})$/.exec(each)?.[1]).find((each) => each !== undefined);
		const q = quality === undefined ? 1 : Number(quality);
		const format = FORMATS[type];
		if (format !== undefined && q > weight) {
			best = format;
			weight = q;
		}
	}
	if (best !== null) return best;
	throw new Refusal(406, "not-acceptable", "A list is application/json, application/x-ndjson or text/csv.");
}

export interface Page {
	readonly rows: readonly HistoryRecord[];
	readonly next: string | null;
	readonly source: string;
}

/** Some rows at a time, and a turn of the event loop between: a long answer must not hold up the ring. */
export function sendPage(request: FastifyRequest, reply: FastifyReply, page: Page): FastifyReply {
	const format = formatOf(request.headers.accept);
	reply.header("vary", "accept").header("sallyport-source", page.source);
	if (page.next !== null) {
		const url = new URL(request.url, "http://localhost");
		url.searchParams.set("cursor", page.next);
		reply.header("link", `<${url.pathname}${url.search}>; rel="next"`).header("sallyport-next", page.next);
	}
	const type = format === "text/csv" ? "text/csv; charset=utf-8; header=present" : `${format}; charset=utf-8`;
	return reply.type(type).send(Readable.from(WRITERS[format](page), { objectMode: false }));
}

const CHUNK = 100;

const FORMATS: Readonly<Record<string, Format>> = {
	"*/*": "application/json",
	"application/*": "application/json",
	"application/json": "application/json",
	"application/x-ndjson": "application/x-ndjson",
	"application/ndjson": "application/x-ndjson",
	"application/jsonl": "application/x-ndjson",
	"text/csv": "text/csv",
	"text/*": "text/csv",
};

const WRITERS: Readonly<Record<Format, (page: Page) => AsyncGenerator<string>>> = {
	async *"application/json"({ rows, next, source }) {
		yield '{"connections":[';
		let separator = "";
		for await (const chunk of chunks(rows)) {
			yield separator + chunk.map((row) => JSON.stringify(row)).join(",");
			separator = ",";
		}
		yield `],"next":${JSON.stringify(next)},"more":${next !== null},"source":${JSON.stringify(source)}}`;
	},
	async *"application/x-ndjson"({ rows }) {
		for await (const chunk of chunks(rows)) yield chunk.map((row) => `${JSON.stringify(row)}\n`).join("");
	},
	async *"text/csv"({ rows }) {
		yield csvHeader();
		for await (const chunk of chunks(rows)) yield chunk.map(csvRow).join("");
	},
};

async function* chunks<T>(rows: readonly T[]): AsyncGenerator<readonly T[]> {
	for (let at = 0; at < rows.length; at += CHUNK) {
		if (at > 0) await turn();
		yield rows.slice(at, at + CHUNK);
	}
}
