import { askJson } from "./client.ts";

/** The answer of GET /v1/policy. */
export interface PolicyInForce {
	readonly text: string;
	readonly etag: string;
	readonly generation: number;
	readonly mode: string;
	readonly source: string;
	readonly origin: string;
	readonly loadedAt: string;
}

export function policyInForce(socket: string): Promise<PolicyInForce> {
	return askJson<PolicyInForce>({ socket, path: "/v1/policy" });
}
