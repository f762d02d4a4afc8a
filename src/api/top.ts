import type { FastifyInstance } from "fastify";
import type { TopField, TopQuery } from "../records/contract.ts";
import { LIST_WORD_NAMES } from "../records/filter-words.ts";
import { type Queries, queryRecords } from "./pages.ts";
import { Refusal } from "./problem-details.ts";
import { type FilterQuery, filterOf } from "./query.ts";
import { response } from "./schemas/base.ts";
import { topParameters } from "./schemas/parameters.ts";
import { topSchema } from "./schemas/top.ts";

type Query = FilterQuery & {
	readonly by?: string;
	readonly sort?: NonNullable<TopQuery["sort"]>;
	readonly limit?: number;
};

export function topRoute(app: FastifyInstance, queries: Queries): void {
	app.get<{ Querystring: Query }>(
		"/v1/top",
		{
			schema: {
				operationId: "getTop",
				tags: ["connections"],
				summary: "Count records, denials and bytes, grouped by one or two fields.",
				querystring: topParameters,
				response: { 200: response(topSchema) },
			},
		},
		async (request) => {
			const { by = "name", sort = "count", limit = 20 } = request.query;
			const groupBy = fieldsOf(by);
			const filter = filterOf(request.query);
			const query = { groupBy, filter, sort, limit };
			const { source, unwritten, value } = await queryRecords(queries, request.raw.socket, undefined, (reader) =>
				reader.top(query),
			);
			return { by: groupBy, rows: value, source, unwritten };
		},
	);
}

function fieldsOf(by: string): [TopField] | [TopField, TopField] {
	const fields = by.split(",").map((each) => LIST_WORD_NAMES.find((field) => field === each.trim()));
	const [first, second] = fields;
	if (first !== undefined && fields.length === 1) return [first];
	if (first !== undefined && second !== undefined && fields.length === 2 && first !== second) return [first, second];
	const detail = `must be one or two of ${LIST_WORD_NAMES.join(", ")}`;
	throw new Refusal(400, "bad-request", `by ${detail}.`, { errors: [{ parameter: "by", detail }] });
}
