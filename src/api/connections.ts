import type { FastifyInstance } from "fastify";
import type { HistorySort, Source } from "../records/contract.ts";
import { remedyOf } from "../records/remedy.ts";
import { withoutArguments } from "../records/view.ts";
import { FORMS, formatOf, sendPage } from "./answer.ts";
import { type Queries, queryRecords, readCursor, writeCursor, writePage } from "./pages.ts";
import { Refusal } from "./problem-details.ts";
import { type FilterQuery, filterOf } from "./query.ts";
import { response, string } from "./schemas/base.ts";
import { connectionDetailSchema, connectionListSchema } from "./schemas/connection.ts";
import { limitParameter, listParameters } from "./schemas/parameters.ts";
import { stepsOf } from "./steps.ts";

type ListQuery = FilterQuery & {
	readonly sort?: HistorySort;
	readonly limit?: number;
	readonly cursor?: string;
	readonly from?: Source;
};

export function connectionRoutes(app: FastifyInstance, queries: Queries): void {
	app.get<{ Querystring: ListQuery }>(
		"/v1/connections",
		{
			schema: {
				operationId: "listConnections",
				tags: ["connections"],
				summary: "List connections and DNS queries, newest first.",
				description:
					"Filters are combined with AND. A repeated filter selects any of its values, and `not-…` excludes each of its values. " +
					"`Accept` selects JSON, `application/x-ndjson` (one record per line) or `text/csv`.",
				querystring: listParameters,
				response: { 200: response(connectionListSchema, ["application/x-ndjson", "text/csv"], PAGE_HEADERS) },
			},
		},
		async (request, reply) => {
			const { sort, limit = limitParameter.default } = request.query;
			const filter = filterOf(request.query);
			const { from = request.query.from, cursor } = readCursor(request.query.cursor);
			const query = {
				filter,
				limit,
				hideArguments: queries.hidesArguments(request),
				...(sort === undefined ? {} : { sort }),
				...(cursor === undefined ? {} : { cursor }),
			};
			const format = formatOf(request.headers.accept);
			const { source, unwritten, value } = await queryRecords(queries, request.raw.socket, from, (reader) =>
				writePage(reader, FORMS[format], query),
			);
			return sendPage(request, reply, format, { ...value, next: writeCursor(source, value.next), source, unwritten });
		},
	);

	app.get<{ Params: { id: number } }>(
		"/v1/connections/:id",
		{
			schema: {
				operationId: "getConnection",
				tags: ["connections"],
				summary: "Get one record with the steps of its decision.",
				params: {
					type: "object",
					required: ["id"],
					properties: {
						id: {
							type: "integer",
							minimum: 0,
							maximum: Number.MAX_SAFE_INTEGER,
							description: "The `id` of a record.",
							examples: [1769860800000000],
						},
					},
				},
				response: { 200: response(connectionDetailSchema) },
			},
		},
		async (request) => {
			const { id } = request.params;
			const { source, unwritten, value } = await queryRecords(
				queries,
				request.raw.socket,
				undefined,
				async (reader) => {
					const record = await reader.get(id);
					return record === null ? null : { ...record, steps: await stepsOf(record, reader), remedy: remedyOf(record) };
				},
			);
			if (value === null) throw new Refusal(404, "not-found", `No record ${id} (it may have expired).`);
			return { ...(queries.hidesArguments(request) ? withoutArguments(value) : value), source, unwritten };
		},
	);
}

const PAGE_HEADERS = {
	link: { ...string, description: 'The next page, as `<PATH>; rel="next"`.' },
	"sallyport-next": { ...string, description: "The cursor of the next page." },
	"sallyport-source": { ...string, description: "As `source` in JSON." },
	"sallyport-unwritten-since": { ...string, description: "As `unwritten.since` in JSON." },
};
