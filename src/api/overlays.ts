import type { FastifyInstance } from "fastify";
import { LIMITS } from "../base/config.ts";
import type { OverlayRequest } from "../policy/read/overlay-request.ts";
import type { Callers } from "../system/peer.ts";
import { replaceable } from "./etags.ts";
import type { OverlayPort } from "./overlay-types.ts";
import { headers, ref, response, string } from "./schemas/base.ts";
import { overlayListSchema, overlayRequestSchema, overlaySchema } from "./schemas/overlays.ts";
import { invalidOverlayResponse } from "./schemas/problem.ts";

export function overlayRoutes(app: FastifyInstance, overlays: OverlayPort, callers: Callers): void {
	app.get(
		"/v1/overlays",
		{
			schema: {
				operationId: "listOverlays",
				tags: ["overlays"],
				summary: "List the overlays in force.",
				response: { 200: response(overlayListSchema) },
			},
		},
		() => ({ overlays: overlays.list() }),
	);

	app.post<{ Body: OverlayRequest }>(
		"/v1/overlays",
		{
			config: { writes: true, rateLimit: { max: LIMITS.overlayRequests } },
			schema: {
				operationId: "createOverlay",
				tags: ["overlays"],
				summary: "Put rules in force above the policy.",
				description: "The kernel decides by the rules once the response is sent.",
				body: ref(overlayRequestSchema),
				response: { 201: response(overlaySchema, [], { ...ETAG, location: LOCATION }), 422: invalidOverlayResponse },
			},
		},
		async (request, reply) => {
			const overlay = await overlays.create(request.body, callers.of(request.raw.socket).id);
			const location = `/v1/overlays/${overlay.name}`;
			return reply.code(201).headers({ etag: overlay.etag, location }).send(overlay);
		},
	);

	app.get<{ Params: Named }>(
		"/v1/overlays/:name",
		{
			schema: {
				operationId: "getOverlay",
				tags: ["overlays"],
				summary: "Get one overlay.",
				params: named,
				response: { 200: response(overlaySchema, [], ETAG) },
			},
		},
		(request, reply) => {
			const overlay = overlays.get(request.params.name);
			return reply.header("etag", overlay.etag).send(overlay);
		},
	);

	app.put<{ Params: Named; Body: OverlayRequest }>(
		"/v1/overlays/:name",
		{
			config: { writes: true, rateLimit: { max: LIMITS.overlayRequests } },
			schema: {
				operationId: "changeOverlay",
				tags: ["overlays"],
				summary: "Replace an overlay.",
				description: "The new value is complete: members that are left out have their defaults. Only the owner stays.",
				params: named,
				headers: headers({ "if-match": IF_MATCH }),
				body: ref(overlayRequestSchema),
				response: { 200: response(overlaySchema, [], ETAG), 422: invalidOverlayResponse },
			},
		},
		async (request, reply) => {
			const { params, body, raw } = request;
			const overlay = await overlays.change(params.name, body, callers.of(raw.socket).id, replaceable(request));
			return reply.header("etag", overlay.etag).send(overlay);
		},
	);

	app.delete<{ Params: Named }>(
		"/v1/overlays/:name",
		{
			config: { writes: true, rateLimit: { max: LIMITS.overlayRequests } },
			schema: {
				operationId: "deleteOverlay",
				tags: ["overlays"],
				summary: "End an overlay.",
				description: "Connections that only the overlay allowed are closed.",
				params: named,
				headers: headers({ "if-match": IF_MATCH }),
				response: { 204: { description: "The overlay is no longer in force.", type: "null" } },
			},
		},
		async (request, reply) => {
			await overlays.remove(request.params.name, callers.of(request.raw.socket).id, replaceable(request));
			return reply.code(204).send();
		},
	);
}

interface Named {
	readonly name: string;
}

const named = {
	type: "object",
	required: ["name"],
	properties: { name: { type: "string", minLength: 1, maxLength: 512, description: "The name of an overlay." } },
} as const;

const ETAG = { etag: { ...string, description: "The ETag of the overlay." } };
const LOCATION = { ...string, description: "The path of the overlay." };
const IF_MATCH = "The ETag of the overlay; the response is 412 if it has changed since.";
