/** A connection table with its dependencies, filled from event bytes. */

import { ConnectionTable } from "../../../src/connections/connection-table.ts";
import { ReverseLookup } from "../../../src/connections/reverse-lookup.ts";
import { CgroupTable } from "../../../src/identity/cgroup-table.ts";
import { ExePaths } from "../../../src/identity/exe-paths.ts";
import { ProcessTable } from "../../../src/identity/process-table.ts";
import { decodeBatch, newDecodeCounts } from "../../../src/native/decode.ts";
import type { DecisionEvent } from "../../../src/native/event-views.ts";
import { type ConnectionView, viewer } from "../../../src/records/view.ts";
import { batch } from "./events.ts";

export class TableHarness {
	/** Monotonic time [ns]. The wall clock shows the same value in ms. */
	now = 1_000_000_000;
	readonly destroyed: DecisionEvent[] = [];
	readonly names = new ReverseLookup({ names: 100, addresses: 100 });
	readonly counts = newDecodeCounts();
	readonly rules = new Map<string, { group: string; name: string }>();
	/** [ms] The wall clock is ahead of the monotonic clock. */
	ahead = 0;
	readonly clock = {
		monotonic: () => this.now,
		now: () => this.now / 1e6 + this.ahead,
		offset: () => this.ahead,
	};
	readonly describe = { exe: exes(), user: (uid: number) => (uid === 0 ? "root" : null) };
	readonly view = viewer(this.describe);
	readonly processes: ProcessTable;
	readonly table: ConnectionTable;

	constructor({ live = 100, finished = 100 } = {}) {
		this.processes = new ProcessTable({
			limit: 100,
			readProc: () => null,
			readsPerBatch: 10,
			keepArguments: (args) => args,
		});
		this.table = new ConnectionTable({
			processes: this.processes,
			cgroups: new CgroupTable(100, (path) => ({ unit: path.split("/").at(-1) ?? null, container: null })),
			names: this.names,
			rules: {
				ruleOf: (generation, index) => this.rules.get(`${generation} ${index}`) ?? null,
				isShared: () => false,
			},
			clock: this.clock,
			live,
			finished,
			repeats: { kinds: 100, processes: 3, window: 60_000 },
			lookupName: () => null,
			destroy: (event) => this.destroyed.push(event),
		});
	}

	feed(...records: readonly Buffer[]): void {
		const bytes = batch(...records);
		this.table.beginBatch();
		decodeBatch(bytes, bytes.length, this.table, this.counts);
		/* The addon reuses the buffer as well. */
		bytes.fill(0xee);
	}

	views(): ConnectionView[] {
		return [...this.table.kept.all()].map(this.view).sort((a, b) => a.id - b.id);
	}

	only(): ConnectionView {
		const views = this.views();
		const [view] = views;
		if (view === undefined || views.length !== 1) throw new Error(`${views.length} records, not one`);
		return view;
	}
}

function exes() {
	const paths = new ExePaths(
		() => [],
		() => 0,
	);
	return paths.of.bind(paths);
}
