import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { Connection } from "../connections/connection.ts";
import { type ConnectionFilter, compileFilter, FilterError } from "../connections/filter.ts";
import { connectionSchema, connectionsQuery } from "./schemas.ts";
import type { ApiServices } from "./services.ts";

type Query = Omit<ConnectionFilter, "since"> & { readonly since?: string; readonly limit?: number };

export function connectionRoutes(app: FastifyInstance, services: ApiServices): void {
	app.get<{ Querystring: Query }>(
		"/v1/connections",
		{
			schema: {
				summary:
					"Connections and DNS questions, newest first. Accept: application/x-ndjson gives one JSON document a line.",
				querystring: connectionsQuery,
				response: {
					200: {
						type: "object",
						properties: { connections: { type: "array", items: connectionSchema }, more: { type: "boolean" } },
					},
				},
			},
		},
		(request, reply) => {
			const { limit = DEFAULT_LIMIT, since, ...rest } = request.query;
			let matches: (connection: Connection) => boolean;
			try {
				matches = compileFilter(
					since === undefined ? rest : { ...rest, since: sinceOf(since, Date.now()) },
					services.describe,
				);
			} catch (error) {
				if (!(error instanceof FilterError)) throw error;
				return reply.code(400).send({ error: "bad_request", message: error.message });
			}
			const found: Connection[] = [];
			for (const connection of services.connections()) if (matches(connection)) found.push(connection);
			found.sort((a, b) => b.first - a.first || b.id - a.id);
			const shown = found.slice(0, limit);
			if (wantsLines(request.headers.accept)) {
				return reply.type("application/x-ndjson").send(Readable.from(lines(shown, services)));
			}
			return reply.send({ connections: shown.map(services.view), more: found.length > shown.length });
		},
	);
}

/** A time (ISO 8601), seconds since the epoch, or an age: 30s, 15m, 2h, 1d. Returns ms since the epoch. */
export function sinceOf(text: string, now: number): number {
	const age = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
	if (age !== null) return now - Number(age[1]) * (UNITS[age[2] ?? ""] ?? 0);
	if (/^\d{1,12}(\.\d+)?$/.test(text)) return Number(text) * 1000;
	const time = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN;
	if (Number.isNaN(time))
		throw new FilterError(
			"since",
			text,
			"a time (2026-01-31T12:00:00Z), seconds since the epoch, or an age such as 15m",
		);
	return time;
}

const DEFAULT_LIMIT = 100;
const CHUNK = 200;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function wantsLines(accept: string | undefined): boolean {
	return /\bapplication\/(x-)?ndjson\b/.test(accept ?? "");
}

/* Some at a time, so that a long list does not hold up the ring. */
function* lines(connections: readonly Connection[], { view }: ApiServices): Generator<string> {
	for (let at = 0; at < connections.length; at += CHUNK) {
		yield connections
			.slice(at, at + CHUNK)
			.map((connection) => `${JSON.stringify(view(connection))}\n`)
			.join("");
	}
}
