import type { OverlayRequest } from "../policy/read/overlay-request.ts";

/** An overlay in a response. */
export interface OverlayDocument {
	readonly name: string;
	readonly owner: string;
	readonly reason: string;
	/** Below the watched cgroup; null: everything. */
	readonly scope: string | null;
	readonly createdAt: string;
	readonly changedAt: string;
	readonly until: string | null;
	/** Seconds until the end. */
	readonly endsIn: number | null;
	readonly keep: boolean;
	readonly inForce: boolean;
	/** Why it is not in force. */
	readonly problem: string | null;
	readonly etag: string;
	readonly rules: readonly unknown[];
}

/** The overlays as the API sees them. Each method rejects with Refusal. */
export interface OverlayPort {
	/** The oldest first. */
	list(): readonly OverlayDocument[];
	get(name: string): OverlayDocument;
	/** `by`: the client */
	create(request: OverlayRequest, by: string): Promise<OverlayDocument>;
	change(
		name: string,
		request: OverlayRequest,
		by: string,
		replaces: (etag: string) => boolean,
	): Promise<OverlayDocument>;
	remove(name: string, by: string, replaces: (etag: string) => boolean): Promise<void>;
}
