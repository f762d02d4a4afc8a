/** Queries of many clients at a time: each caller has its turn, and root on the unix socket does not wait. */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { QueryTurns } from "../../../src/api/query-turns.ts";
import { LIMITS } from "../../../src/base/config.ts";
import { Callers } from "../../../src/system/peer.ts";

const socketOf = (remoteAddress: string) =>
	Object.assign(new EventEmitter(), { remoteAddress, remotePort: 1 }) as Socket;
/** A client of the unix socket. Its descriptor here is its uid. */
const userOf = (uid: number) => Object.assign(new EventEmitter(), { _handle: { fd: uid } }) as unknown as Socket;
const CALLERS = new Callers((fd) => fd);

/** Queries that end when the test ends them. */
function harness() {
	const turns = new QueryTurns(CALLERS);
	const begun: string[] = [];
	const ends = new Map<string, () => void>();
	const ask = (name: string, socket: Socket) =>
		turns.take(socket, () => {
			begun.push(name);
			return new Promise<void>((resolve) => ends.set(name, resolve));
		});
	return { begun, ask, end: (name: string) => ends.get(name)?.() };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("one query of each caller runs, few in all, and root on the unix socket does not wait", async () => {
	const { begun, ask, end } = harness();
	const busy = socketOf("192.0.2.1");
	for (const name of ["a1", "a2", "a3"]) void ask(name, busy);
	void ask("b1", socketOf("192.0.2.2"));
	void ask("c1", socketOf("192.0.2.3"));
	void ask("root", userOf(0));
	void ask("root again", userOf(0));
	void ask("d1", userOf(1_000));
	await settled();
	expect(begun.toSorted()).toEqual(["a1", "b1", "root", "root again"]);
	end("a1");
	await settled();
	await settled();
	expect(begun.at(-1), "those of one caller are one after the other").toBe("a2");
	end("b1");
	await settled();
	await settled();
	expect(begun.at(-1)).toBe("c1");
});

test("more queries of one caller are refused, and those of a client that closes never begin", async () => {
	const { begun, ask, end } = harness();
	void ask("first", socketOf("192.0.2.1"));
	const gone = socketOf("192.0.2.1");
	const waiting = Array.from({ length: LIMITS.queriesWaiting }, (_, at) => ask(`w${at}`, gone).catch(() => "refused"));
	await expect(ask("more", socketOf("192.0.2.1"))).rejects.toMatchObject({ status: 503 });
	gone.emit("close");
	expect(await Promise.all(waiting)).toEqual(waiting.map(() => "refused"));
	end("first");
	await settled();
	expect(begun).toEqual(["first"]);
});

test("a query that runs is told when its client closes, also root's", async () => {
	const turns = new QueryTurns(CALLERS);
	for (const socket of [socketOf("192.0.2.1"), userOf(0)]) {
		const ended = turns.take(
			socket,
			({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve("ended"))),
		);
		await settled();
		socket.emit("close");
		expect(await ended).toBe("ended");
	}
});

test("the thread of root's queries is that of root on the unix socket only", async () => {
	const turns = new QueryTurns(CALLERS);
	const isFirst = (socket: Socket) => turns.take(socket, async (asker) => asker.isFirst);
	expect(await isFirst(userOf(0))).toBe(true);
	expect(await isFirst(userOf(1_000))).toBe(false);
	expect(await isFirst(socketOf("192.0.2.1"))).toBe(false);
});
