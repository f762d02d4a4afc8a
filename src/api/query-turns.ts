import type { Socket } from "node:net";
import { LIMITS, TIMES } from "../base/config.ts";
import type { Asker } from "../records/contract.ts";
import type { Caller, Callers } from "../system/peer.ts";
import { Refusal } from "./problem-details.ts";

interface Waiting {
	readonly caller: string;
	readonly begin: () => void;
}

/**
 * The queries of all listeners. Each caller runs one at a time, and all of them few. Root on the unix socket does not
 * wait, and its queries have a thread of their own.
 */
export class QueryTurns {
	readonly #callers: Callers;
	readonly #running = new Set<string>();
	/** In the order of arrival. A caller has at most LIMITS.queriesWaiting. */
	#waiting: Waiting[] = [];

	constructor(callers: Callers) {
		this.#callers = callers;
	}

	/**
	 * Rejects with Refusal 503 if the caller has too many queries, or waits too long, and when the client closes. The
	 * signal of `run` is aborted when the client closes.
	 */
	async take<T>(socket: Socket, run: (asker: Asker) => Promise<T>): Promise<T> {
		const caller = this.#callers.of(socket);
		const gone = new AbortController();
		const close = () => gone.abort();
		socket.once("close", close);
		try {
			if (socket.destroyed) throw tooMany();
			return await this.#inTurn(caller, gone.signal, () => run({ isFirst: caller.isFirst, signal: gone.signal }));
		} finally {
			socket.off("close", close);
		}
	}

	async #inTurn<T>({ id, isFirst }: Caller, gone: AbortSignal, run: () => Promise<T>): Promise<T> {
		if (isFirst) return run();
		await this.#turn(id, gone);
		try {
			return await run();
		} finally {
			this.#running.delete(id);
			this.#next();
		}
	}

	async #turn(caller: string, gone: AbortSignal): Promise<void> {
		if (this.#waiting.filter((each) => each.caller === caller).length >= LIMITS.queriesWaiting) throw tooMany();
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const waiting = { caller, begin: resolve };
		const leave = () => {
			this.#waiting = this.#waiting.filter((each) => each !== waiting);
			reject(tooMany());
		};
		const timer = setTimeout(leave, TIMES.queryWait);
		gone.addEventListener("abort", leave, { once: true });
		this.#waiting.push(waiting);
		this.#next();
		try {
			await promise;
		} finally {
			clearTimeout(timer);
			gone.removeEventListener("abort", leave);
		}
	}

	#next(): void {
		for (const waiting of this.#waiting) {
			if (this.#running.size >= LIMITS.queries) return;
			if (this.#running.has(waiting.caller)) continue;
			this.#running.add(waiting.caller);
			this.#waiting = this.#waiting.filter((each) => each !== waiting);
			waiting.begin();
		}
	}
}

function tooMany(): Refusal {
	const { queries, queriesWaiting } = LIMITS;
	return new Refusal(
		503,
		"busy",
		`Too many queries: a user has 1 at a time and ${queriesWaiting} waiting, and all users together ${queries}; retry later.`,
		{ limit: 1 + queriesWaiting },
		{ "retry-after": "2" },
	);
}
