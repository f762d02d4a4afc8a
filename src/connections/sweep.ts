import { packedBytes } from "../base/address.ts";
import type { Kernel } from "../native/binding.ts";
import { hashKey, readSigned64, readUnsigned64 } from "../native/fields.ts";
import { END, FLOW, FLOW_FLAG, FLOW_KEY, LEARNED, NAMES_PER_ADDRESS, PROTOCOL } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";
import type { Clock } from "../system/clock.ts";
import type { ConnectionTable } from "./connection-table.ts";

export interface SweepOptions {
	readonly kernel: Pick<Kernel, "dump" | "remove" | "lookup" | "update">;
	readonly table: ConnectionTable;
	readonly clock: Clock;
	/** ms */
	readonly udpIdle: number;
	readonly inboundIdle: number;
}

/**
 * What no event tells, looked up every few seconds: the counters of UDP flows, flows that have gone idle, and names that must stay
 * learned because a connection lives by them.
 */
export class Sweep {
	readonly #o: SweepOptions;
	#lastRun = 0;

	constructor(options: SweepOptions) {
		this.#o = options;
	}

	run(): void {
		const now = this.#o.clock.monotonic();
		this.#flows(now);
		this.#forgotten();
		this.#keepLearned(now);
		this.#lastRun = now;
	}

	#flows(now: number): void {
		const { keys, values, count } = this.#o.kernel.dump("flows");
		if (count === 0) return;
		const keyView = new DataView(keys.buffer, keys.byteOffset, keys.length);
		const view = new DataView(values.buffer, values.byteOffset, values.length);
		const offset = this.#o.clock.offset();
		for (let index = 0; index < count; index++) {
			const at = index * FLOW.bytes;
			const last = readUnsigned64(view, at + FLOW.last);
			const inbound = (view.getUint8(at + FLOW.flags) & FLOW_FLAG.inbound) !== 0;
			const idle = now - last > (inbound ? this.#o.inboundIdle : this.#o.udpIdle) * 1e6;
			if (!idle && last < this.#lastRun) continue;
			const keyAt = index * FLOW_KEY.bytes;
			const connection = this.#o.table.kept.flow(
				readSigned64(keyView, keyAt + FLOW_KEY.cookie),
				keys.toString("latin1", keyAt + FLOW_KEY.remote, keyAt + FLOW_KEY.remote + 16),
				keyView.getUint16(keyAt + FLOW_KEY.remotePort, true),
				keyView.getUint8(keyAt + FLOW_KEY.protocol),
			);
			if (connection !== undefined) {
				connection.bytesOut = readUnsigned64(view, at + FLOW.bytesOut);
				connection.bytesIn = readUnsigned64(view, at + FLOW.bytesIn);
				connection.packetsOut = readUnsigned64(view, at + FLOW.packetsOut);
				connection.packetsIn = readUnsigned64(view, at + FLOW.packetsIn);
				connection.last = last / 1e6 + offset;
				if (connection.localPort === 0) connection.localPort = view.getUint16(at + FLOW.localPort, true);
			}
			if (!idle) continue;
			/* A packet may have come since the dump: the flow is then judged and reported anew. */
			this.#o.kernel.remove("flows", keys.subarray(keyAt, keyAt + FLOW_KEY.bytes));
			if (connection !== undefined) this.#o.table.finish(connection, END.idle);
		}
	}

	/* Flows that left the kernel's map some other way, and denied connections whose end was lost. */
	#forgotten(): void {
		const before = this.#o.clock.now() - 2 * this.#o.udpIdle;
		const gone: Connection[] = [];
		for (const connection of this.#o.table.kept.openFlows()) if (connection.last < before) gone.push(connection);
		for (const connection of this.#o.table.kept.openTcp())
			if (connection.denialReported && connection.last < before) gone.push(connection);
		for (const connection of gone)
			this.#o.table.finish(connection, connection.protocol === PROTOCOL.tcp ? END.denied : END.idle);
	}

	/**
	 * A learned address lives as long as a connection uses it. Reading, changing and writing an entry races with the kernel, which may
	 * learn another name for the address in between and lose it; so it is done only when the name would be gone before
	 * the sweep after next, for at most one entry a connection and minute.
	 */
	#keepLearned(now: number): void {
		for (const connections of [this.#o.table.kept.openTcp(), this.#o.table.kept.openFlows()]) {
			for (const connection of connections) {
				if (connection.nameKey === 0 || connection.learnedUntil - now > SOON) continue;
				connection.learnedUntil = this.#extend(connection, now);
			}
		}
	}

	#extend(connection: Connection, now: number): number {
		const key = packedBytes(connection.remote);
		const value = this.#o.kernel.lookup("learned", key);
		const again = now + 2 * SOON;
		if (value === null) return again;
		const view = new DataView(value.buffer, value.byteOffset, value.length);
		for (let slot = 0; slot < NAMES_PER_ADDRESS; slot++) {
			if (hashKey(view, LEARNED.name + slot * 8) !== connection.nameKey) continue;
			const expires = readUnsigned64(view, LEARNED.expires + slot * 8);
			/* What has expired stays so: the next question learns it. */
			if (expires < now || expires - now > SOON) return Math.max(expires, again);
			view.setBigUint64(LEARNED.expires + slot * 8, BigInt(Math.round(again)), true);
			this.#o.kernel.update("learned", key, value);
			return again;
		}
		return again;
	}
}

/** ns */
const SOON = 60e9;
