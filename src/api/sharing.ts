import { LIMITS } from "../base/config.ts";
import { Callers, type PeerUid } from "../system/peer.ts";
import { Shares } from "../system/shares.ts";
import { QueryTurns } from "./query-turns.ts";

/** Shares of the callers in what the API has little of. One for all listeners, so that a caller cannot have one at each. */
export interface Sharing {
	readonly callers: Callers;
	readonly turns: QueryTurns;
	readonly streams: Shares;
}

export function newSharing(peerUid: PeerUid): Sharing {
	const callers = new Callers(peerUid);
	const { streams: all, streamsEach: each, streamsKept: kept } = LIMITS;
	return { callers, turns: new QueryTurns(callers), streams: new Shares({ all, each, kept }) };
}
