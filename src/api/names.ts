import type { FastifyInstance } from "fastify";
import { askRecords, PAGE, readCursor, writeCursor } from "./pages.ts";
import { Refusal } from "./problem-details.ts";
import { timeOf } from "./query.ts";
import { nameSchema, namesSchema } from "./schemas/names.ts";
import { namesParameters } from "./schemas/parameters.ts";
import { problemResponses } from "./schemas/problem.ts";
import type { ApiServices } from "./services.ts";

interface Query {
	readonly name?: string;
	readonly since?: string;
	readonly limit?: number;
	readonly cursor?: string;
}

export function nameRoutes(app: FastifyInstance, { records, learned, policy }: ApiServices): void {
	app.get<{ Querystring: Query }>(
		"/v1/names",
		{
			schema: {
				operationId: "listNames",
				tags: ["names"],
				summary: "Names that were asked for or shown, in the order of the alphabet.",
				querystring: namesParameters,
				response: { 200: namesSchema, ...problemResponses },
			},
		},
		async (request) => {
			const { name, since, limit = 100 } = request.query;
			const { from, cursor } = readCursor(request.query.cursor);
			const query = {
				limit: Math.min(limit, PAGE),
				...(name === undefined ? {} : { name }),
				...(since === undefined ? {} : { since: timeOf("since", since, Date.now()) }),
				...(cursor === undefined ? {} : { cursor }),
			};
			const { source, unwritten, value } = await askRecords(records, from, (reader) => reader.names(query));
			const next = writeCursor(source, value.next);
			return { names: value.rows, next, more: next !== null, source, unwritten };
		},
	);

	app.get<{ Params: { name: string } }>(
		"/v1/names/:name",
		{
			schema: {
				operationId: "getName",
				tags: ["names"],
				summary: "One name: its addresses, who asked, and the rules of the policy in force that cover it.",
				params: {
					type: "object",
					required: ["name"],
					properties: { name: { type: "string", minLength: 1, maxLength: 512 } },
				},
				response: { 200: nameSchema, ...problemResponses },
			},
		},
		async (request) => {
			const { name } = request.params;
			const { source, unwritten, value: record } = await askRecords(records, undefined, (reader) => reader.name(name));
			if (record === null) throw new Refusal(404, "not-found", "Nobody has asked for this name, as far as is known.");
			const addresses = record.addresses.map((each) => {
				const held = learned(each.address).find(({ name }) => name === record.name);
				return { ...each, heldUntil: held === undefined ? null : new Date(held.until).toISOString() };
			});
			return { ...record, addresses, rules: policy.rulesOf(record.name), source, unwritten };
		},
	);
}
