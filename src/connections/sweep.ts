import { packedBytes } from "../base/address.ts";
import type { Kernel } from "../native/binding.ts";
import { hashKey, readSigned64, readUnsigned64 } from "../native/fields.ts";
import { END, FLOW, FLOW_FLAG, FLOW_KEY, LEARNED, NAMES_PER_ADDRESS, PROTOCOL } from "../native/layout.ts";
import { learnedKeys } from "../native/learned-key.ts";
import type { Connection } from "../records/connection.ts";
import { type Clock, SET } from "../system/clock.ts";
import type { ConnectionTable } from "./connection-table.ts";

export interface SweepOptions {
	readonly kernel: Pick<Kernel, "dump" | "remove" | "lookup" | "update">;
	readonly table: ConnectionTable;
	readonly clock: Clock;
	/** Time without a packet after which a flow ends [ms]; `inboundIdle`: for a flow that the other side opened. */
	readonly udpIdle: number;
	readonly inboundIdle: number;
}

/**
 * Reads from the kernel's maps what no event reports: the counters of UDP flows and the flows that are idle. It also extends learned names
 * that an open connection uses.
 */
export class Sweep {
	readonly #o: SweepOptions;
	#lastRun = 0;
	/** The clock's offset at the last run [ms]. */
	#offset: number | null = null;
	/** Monotonic time [ns] until which times of records are not compared with the wall clock. */
	#uncertainUntil = 0;

	constructor(options: SweepOptions) {
		this.#o = options;
	}

	run(): void {
		const now = this.#o.clock.monotonic();
		this.#o.table.dnsFlows.compare();
		this.#flows(now);
		if (this.#isClockCertain(now)) this.#lost();
		this.#keepLearned(now);
		this.#lastRun = now;
	}

	/* After the wall clock was set, the times of records are those of the earlier setting, until their next event or packet. */
	#isClockCertain(now: number): boolean {
		const offset = this.#o.clock.offset();
		const by = offset - (this.#offset ?? offset);
		this.#offset = offset;
		if (Math.abs(by) > SET) this.#uncertainUntil = now + 2 * this.#o.udpIdle * 1e6;
		return now >= this.#uncertainUntil;
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
			const connection = this.#o.table.flow(
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
			/* The flow of a packet that has arrived since the dump is judged and reported anew. */
			this.#o.kernel.remove("flows", keys.subarray(keyAt, keyAt + FLOW_KEY.bytes));
			if (connection === undefined) continue;
			this.#o.table.dnsFlows.compareOne(connection);
			this.#o.table.finish(connection, END.idle);
		}
	}

	/* Flows that the kernel evicted from its map, and denied connections whose end event was lost. */
	#lost(): void {
		const before = this.#o.clock.now() - 2 * this.#o.udpIdle;
		this.#o.table.dnsFlows.expire(before);
		const lost: Connection[] = [];
		for (const connection of this.#o.table.kept.openFlows()) if (connection.last < before) lost.push(connection);
		for (const connection of this.#o.table.kept.openTcp())
			if (connection.denialReported && connection.last < before) lost.push(connection);
		for (const connection of lost)
			this.#o.table.finish(connection, connection.protocol === PROTOCOL.tcp ? END.denied : END.idle);
	}

	/**
	 * Extends the learned names of addresses that an open connection uses. The update of an entry races with the kernel, which loses a name
	 * that it learns for the address in between. Therefore an entry is updated only if the name expires within EXTEND, and at most once per
	 * connection and EXTEND.
	 */
	#keepLearned(now: number): void {
		for (const connections of [this.#o.table.kept.openTcp(), this.#o.table.kept.openFlows()]) {
			for (const connection of connections) {
				if (connection.nameKey === 0 || connection.learnedUntil - now > EXTEND) continue;
				connection.learnedUntil = this.#extend(connection, now);
			}
		}
	}

	#extend({ netns, remote, nameKey }: Connection, now: number): number {
		const address = packedBytes(remote);
		let until = now + 2 * EXTEND;
		for (const { map, key } of learnedKeys(netns, address)) {
			const value = this.#o.kernel.lookup(map, key);
			const slot = value === null ? null : slotOf(value, nameKey);
			if (slot === null || value === null) continue;
			const view = new DataView(value.buffer, value.byteOffset, value.length);
			const expires = readUnsigned64(view, slot);
			until = Math.max(until, expires);
			/* An expired name stays expired until the next DNS answer. */
			if (expires < now || expires - now > EXTEND) continue;
			view.setBigUint64(slot, BigInt(Math.round(now + 2 * EXTEND)), true);
			this.#o.kernel.update(map, key, value);
		}
		return until;
	}
}

/* Offset of the expiry of a name in struct sp_learned. */
function slotOf(value: Buffer, nameKey: number): number | null {
	const view = new DataView(value.buffer, value.byteOffset, value.length);
	for (let slot = 0; slot < NAMES_PER_ADDRESS; slot++)
		if (hashKey(view, LEARNED.name + slot * 8) === nameKey) return LEARNED.expires + slot * 8;
	return null;
}

/** [ns] */
const EXTEND = 60e9;
