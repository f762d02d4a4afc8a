import { packedBytes } from "../base/address.ts";
import type { Kernel } from "../native/binding.ts";
import type { DecisionEvent } from "../native/event-views.ts";
import { EVENT, HEAD, HOOK, JUDGE_FLAG, JUDGE_REQUEST, PHASE, PROCESS, VERDICT } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";
import type { Clock } from "../system/clock.ts";

export interface RejudgeOptions {
	readonly kernel: Pick<Kernel, "testRun" | "lookup">;
	readonly openTcp: () => Iterable<Connection>;
	/** Records a denial and ends the socket, as for a denied packet. */
	readonly denied: (connection: Connection, event: DecisionEvent) => void;
	readonly clock: Clock;
	/** Yields the event loop between batches. */
	readonly pause?: () => Promise<void>;
}

/**
 * Judges every open TCP connection by a new policy, with the kernel's program `judge`. A connection meets the new
 * policy by itself at its next packet, so this is for those that are idle.
 */
export class Rejudge {
	readonly #o: RejudgeOptions;
	#run = 0;

	constructor(options: RejudgeOptions) {
		this.#o = options;
	}

	/** Resolves when all are judged, or when a later call has taken over. */
	async run(): Promise<void> {
		const run = ++this.#run;
		const { pause = nextTurn } = this.#o;
		let judged = 0;
		for (const connection of [...this.#o.openTcp()]) {
			if (run !== this.#run) return;
			if (connection.ended || connection.verdict === VERDICT.deny) continue;
			const denial = this.#judge(connection);
			if (denial !== null) this.#o.denied(connection, denial);
			if (++judged % BATCH === 0) await pause();
		}
	}

	/** Ends a run in progress: the kernel's handles are about to be closed. */
	close(): void {
		this.#run++;
	}

	#judge(connection: Connection): DecisionEvent | null {
		const exeHash = this.#exeHash(connection);
		if (exeHash === null || !this.#knowsCgroup(connection)) return null;
		const wasBound = connection.decisions[PHASE.tls]?.verdict === VERDICT.allow;
		const request = Buffer.alloc(JUDGE_REQUEST.bytes);
		packedBytes(connection.remote).copy(request, JUDGE_REQUEST.remote);
		request.writeUInt16LE(connection.remotePort, JUDGE_REQUEST.remotePort);
		request.writeUInt8(connection.protocol, JUDGE_REQUEST.protocol);
		request.writeUInt8(wasBound ? JUDGE_FLAG.live | JUDGE_FLAG.bound : JUDGE_FLAG.live, JUDGE_REQUEST.flags);
		request.writeBigUInt64LE(BigInt(connection.netns), JUDGE_REQUEST.netns);
		request.writeUInt32LE(connection.uid, JUDGE_REQUEST.uid);
		request.writeBigUInt64LE(BigInt(connection.cgroup?.id ?? 0), JUDGE_REQUEST.cgroup);
		exeHash.copy(request, JUDGE_REQUEST.exeHash);
		const byAddress = this.#judgePhase(request, connection, PHASE.connect);
		if (byAddress !== null || !connection.nameFromHello || connection.name === null) return byAddress;
		const name = Buffer.from(connection.name, "latin1").subarray(0, NAME_BYTES);
		request.writeUInt16LE(name.length, JUDGE_REQUEST.nameLength);
		name.copy(request, JUDGE_REQUEST.name);
		return this.#judgePhase(request, connection, PHASE.tls);
	}

	#judgePhase(request: Buffer, connection: Connection, phase: number): DecisionEvent | null {
		request.writeUInt8(phase, JUDGE_REQUEST.phase);
		const { retval, data } = this.#o.kernel.testRun("judge", request, 1);
		if (retval !== 0 || data.readUInt8(JUDGE_REQUEST.verdict) !== VERDICT.deny) return null;
		const { process, cgroup } = connection;
		return {
			type: EVENT.connect,
			tgid: process?.pid ?? 0,
			time: this.#o.clock.monotonic(),
			cookie: connection.cookie,
			start: process?.start ?? 0,
			cgroupId: cgroup?.id ?? 0,
			uid: connection.uid,
			generation: data.readUInt32LE(JUDGE_REQUEST.generation),
			rule: data.readUInt16LE(JUDGE_REQUEST.rule),
			alert: data.readUInt16LE(JUDGE_REQUEST.alert),
			phase,
			verdict: VERDICT.deny,
			reason: data.readUInt8(JUDGE_REQUEST.reason),
			hook: HOOK.egress,
			remote: connection.remote,
			local: connection.local,
			remotePort: connection.remotePort,
			localPort: connection.localPort,
			protocol: connection.protocol,
			nameHash: 0,
			netns: connection.netns,
		};
	}

	/* An evicted cgroup is learned again at the next packet, which is then judged. */
	#knowsCgroup({ cgroup }: Connection): boolean {
		if (cgroup === null) return false;
		const key = Buffer.alloc(8);
		key.writeBigUInt64LE(BigInt(cgroup.id));
		return CGROUP_MAPS.some((map) => this.#o.kernel.lookup(map, key) !== null);
	}

	/* Null if the process has ended or runs another program by now: the verdict at its connect stands. */
	#exeHash({ process }: Connection): Buffer | null {
		if (process === null) return null;
		const key = Buffer.alloc(4);
		key.writeUInt32LE(process.pid);
		const value = this.#o.kernel.lookup("processes", key);
		if (value === null || Number(value.readBigUInt64LE(HEAD.start)) !== process.start) return null;
		return value.subarray(PROCESS.exeHash, PROCESS.exeHash + 8);
	}
}

const CGROUP_MAPS = ["cgroups", "user_cgroups"] as const;
const BATCH = 100;
const NAME_BYTES = 255;

function nextTurn(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
