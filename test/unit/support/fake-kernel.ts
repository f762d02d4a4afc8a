/** A kernel in memory: BPF maps are Maps, the ring buffer is a list of batches. */
import type { Kernel, LinkFault, MapName, PinFault, RingPositions, SocketName } from "../../../src/native/binding.ts";
import { COUNTERS, PHASES, RULE_SLOTS } from "../../../src/native/layout.ts";

export class FakeKernel implements Kernel {
	readonly adopted: boolean;
	readonly maps = new Map<MapName, Map<string, Buffer>>();
	readonly counters = new BigUint64Array(COUNTERS);
	readonly rules = new BigUint64Array(RULE_SLOTS * PHASES * 2);
	readonly destroyed: SocketName[] = [];
	readonly installed: number[] = [];
	readonly calls: string[] = [];
	destroyIn: (netns: string | null) => number = () => 0;
	policy: Buffer | null = null;
	waiting: Buffer[] = [];
	#onBatch: ((batch: Buffer, length: number) => void) | null = null;

	constructor(adopted = false) {
		this.adopted = adopted;
	}

	/** Simulates a wake-up. */
	deliver(...batches: readonly Buffer[]): void {
		for (const batch of batches) this.#onBatch?.(batch, batch.length);
	}

	installPolicy(rows: Uint8Array, generation: number): void {
		this.policy = Buffer.from(rows);
		this.installed.push(generation);
	}

	readPolicy(): Buffer | null {
		return this.policy;
	}

	dump(map: MapName): { keys: Buffer; values: Buffer; count: number } {
		const entries = [...this.#map(map)];
		return {
			keys: Buffer.concat(entries.map(([key]) => Buffer.from(key, "latin1"))),
			values: Buffer.concat(entries.map(([, value]) => value)),
			count: entries.length,
		};
	}

	async count(map: MapName) {
		return { entries: this.#map(map).size, capacity: 100 };
	}

	lookup(map: MapName, key: Uint8Array): Buffer | null {
		const value = this.#map(map).get(Buffer.from(key).toString("latin1"));
		return value === undefined ? null : Buffer.from(value);
	}

	update(map: MapName, key: Uint8Array, value: Uint8Array): void {
		this.#map(map).set(Buffer.from(key).toString("latin1"), Buffer.from(value));
	}

	remove(map: MapName, key: Uint8Array): boolean {
		return this.#map(map).delete(Buffer.from(key).toString("latin1"));
	}

	sum(map: "counters" | "rules"): BigUint64Array {
		return BigUint64Array.from(map === "counters" ? this.counters : this.rules);
	}

	start(_maxBytes: number, onBatch: (batch: Buffer, length: number) => void): void {
		this.#onBatch = onBatch;
		this.calls.push("start");
	}

	drain(): number {
		this.calls.push("drain");
		const batches = this.waiting;
		this.waiting = [];
		this.deliver(...batches);
		return batches.length;
	}

	at: RingPositions = { written: 0, taken: 0 };
	positions(): RingPositions {
		return this.at;
	}

	stop(): void {
		this.calls.push("stop");
		this.#onBatch = null;
	}

	programs() {
		return [{ name: "connect4", id: 7, verifiedInstructions: 1000, runTimeNs: 2_000_000_000n, runCount: 5n }];
	}

	testRun(): never {
		throw new Error("not in a fake");
	}

	async destroySocket(socket: SocketName): Promise<number> {
		this.destroyed.push(socket);
		return this.destroyIn(socket.netns);
	}

	faults: LinkFault[] = [];
	pinFaults(): PinFault[] {
		return [];
	}

	linkFaults(): LinkFault[] {
		return this.faults;
	}

	attach(): void {
		this.calls.push("attach");
	}

	detach(): void {
		this.calls.push("detach");
	}

	close(): void {
		this.calls.push("close");
	}

	#map(name: MapName): Map<string, Buffer> {
		let map = this.maps.get(name);
		if (map === undefined) {
			map = new Map();
			this.maps.set(name, map);
		}
		return map;
	}
}
