import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { RowForm, Unwritten, WrittenPage } from "../records/contract.ts";
import { csvHeader } from "../records/csv.ts";
import { Refusal } from "./problem-details.ts";

/** The media types of lists, the default first. */
export type Format = "application/json" | "application/x-ndjson" | "text/csv";

/** The form of the rows, by media type. */
export const FORMS: Readonly<Record<Format, RowForm>> = {
	"application/json": "json",
	"application/x-ndjson": "ndjson",
	"text/csv": "csv",
};

/** The best type of an Accept header: RFC 9110 12.5.1, without parameters other than the weight. Throws Refusal 406. */
export function formatOf(accept: string | undefined): Format {
	if (accept === undefined || accept.trim() === "") return "application/json";
	let best: Format | null = null;
	let weight = 0;
	for (const part of accept.split(",").slice(0, 20)) {
		const [type = "", ...parameters] = part.split(";").map((each) => each.trim().toLowerCase());
		const quality = parameters.map((each) => /^q=([\d.]{1,5})$/.exec(each)?.[1]).find((each) => each !== undefined);
		const q = quality === undefined ? 1 : Number(quality);
		const format = FORMATS.get(type);
		if (format !== undefined && q > weight) {
			best = format;
			weight = q;
		}
	}
	if (best !== null) return best;
	throw new Refusal(
		406,
		"not-acceptable",
		"Lists are available as application/json, application/x-ndjson or text/csv.",
	);
}

export interface Page extends WrittenPage {
	readonly source: string;
	readonly unwritten: Unwritten | null;
}

/** Sends a page whose rows are formatted already. */
export function sendPage(request: FastifyRequest, reply: FastifyReply, format: Format, page: Page): FastifyReply {
	reply.header("vary", "accept").header("sallyport-source", page.source);
	if (page.unwritten !== null) reply.header("sallyport-unwritten-since", page.unwritten.since);
	if (page.next !== null) {
		const url = new URL(request.url, "http://localhost");
		url.searchParams.set("cursor", page.next);
		reply.header("link", `<${url.pathname}${url.search}>; rel="next"`).header("sallyport-next", page.next);
	}
	const type = format === "text/csv" ? "text/csv; charset=utf-8; header=present" : `${format}; charset=utf-8`;
	return reply.type(type).send(Readable.from(WRITERS[format](page), { objectMode: false }));
}

const FORMATS: ReadonlyMap<string, Format> = new Map(
	Object.entries<Format>({
		"*/*": "application/json",
		"application/*": "application/json",
		"application/json": "application/json",
		"application/x-ndjson": "application/x-ndjson",
		"application/ndjson": "application/x-ndjson",
		"application/jsonl": "application/x-ndjson",
		"text/csv": "text/csv",
		"text/*": "text/csv",
	}),
);

const WRITERS: Readonly<Record<Format, (page: Page) => Generator<string | Uint8Array>>> = {
	*"application/json"({ parts, next, source, unwritten }) {
		yield '{"connections":[';
		for (const [index, part] of parts.entries()) {
			if (index > 0) yield ",";
			yield part;
		}
		const rest = JSON.stringify({ next, more: next !== null, source, unwritten });
		yield `],${rest.slice(1)}`;
	},
	*"application/x-ndjson"({ parts }) {
		yield* parts;
	},
	*"text/csv"({ parts }) {
		yield csvHeader();
		yield* parts;
	},
};
