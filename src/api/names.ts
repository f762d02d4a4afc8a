import type { FastifyInstance } from "fastify";
import { parseTerms, type TermTexts } from "../records/filter.ts";
import { PAGE, type Queries, queryRecords, readCursor, writeCursor } from "./pages.ts";
import { Refusal } from "./problem-details.ts";
import { timeOf } from "./query.ts";
import { response } from "./schemas/base.ts";
import { nameDetailSchema, nameListSchema } from "./schemas/names.ts";
import { namesParameters } from "./schemas/parameters.ts";
import type { ApiServices } from "./services.ts";

interface Query extends Pick<TermTexts, "name" | "not-name"> {
	readonly since?: string;
	readonly limit?: number;
	readonly cursor?: string;
}

export function nameRoutes(app: FastifyInstance, { learned, policy }: ApiServices, queries: Queries): void {
	app.get<{ Querystring: Query }>(
		"/v1/names",
		{
			schema: {
				operationId: "listNames",
				tags: ["names"],
				summary: "List the domain names seen, in alphabetical order.",
				querystring: namesParameters,
				response: { 200: response(nameListSchema) },
			},
		},
		async (request) => {
			const { since, limit = 100 } = request.query;
			const { from, cursor } = readCursor(request.query.cursor);
			const query = {
				limit: Math.min(limit, PAGE),
				terms: parseTerms(request.query),
				...(since === undefined ? {} : { since: timeOf("since", since, Date.now()) }),
				...(cursor === undefined ? {} : { cursor }),
			};
			const { source, unwritten, value } = await queryRecords(queries, request.raw.socket, from, (reader) =>
				reader.names(query),
			);
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
				summary: "Get the addresses, the clients and the matching rules of a name.",
				params: {
					type: "object",
					required: ["name"],
					properties: {
						name: {
							type: "string",
							minLength: 1,
							maxLength: 512,
							description: "A domain name. Case and a trailing dot are ignored.",
							examples: ["api.example.com"],
						},
					},
				},
				response: { 200: response(nameDetailSchema) },
			},
		},
		async (request) => {
			const { name } = request.params;
			const {
				source,
				unwritten,
				value: record,
			} = await queryRecords(queries, request.raw.socket, undefined, (reader) => reader.name(name));
			if (record === null)
				throw new Refusal(404, "not-found", "This name has not been seen (its records may have expired).");
			const addresses = record.addresses.map((each) => {
				const held = learned(each.address).find(({ name }) => name === record.name);
				return { ...each, heldUntil: held === undefined ? null : new Date(held.until).toISOString() };
			});
			return { ...record, addresses, rules: policy.rulesOf(record.name), source, unwritten };
		},
	);
}
