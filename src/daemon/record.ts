import { type Config, LIMITS, TIMES } from "../base/config.ts";
import { guarded, type Logger } from "../base/logger.ts";
import { ConnectionTable } from "../connections/connection-table.ts";
import { ForwardLookup } from "../connections/forward-lookup.ts";
import { Recorder } from "../connections/recorder.ts";
import { ReverseLookup } from "../connections/reverse-lookup.ts";
import { Sweep } from "../connections/sweep.ts";
import type { Watcher } from "../connections/watchers.ts";
import { Destroyer } from "../enforce/destroyer.ts";
import { lookupName, seedNames } from "../enforce/kernel-names.ts";
import type { NameKeeper } from "../enforce/name-keeper.ts";
import { readMountinfo } from "../enforce/policy-environment.ts";
import { Rejudge } from "../enforce/rejudge.ts";
import { CgroupTable } from "../identity/cgroup-table.ts";
import { ExePaths } from "../identity/exe-paths.ts";
import { keepArguments } from "../identity/kept-arguments.ts";
import { ProcessTable } from "../identity/process-table.ts";
import { readProc } from "../identity/read-proc.ts";
import { Users } from "../identity/users.ts";
import type { Kernel } from "../native/binding.ts";
import { EventPath } from "../native/event-path.ts";
import { PHASE, VERDICT } from "../native/layout.ts";
import { Pump } from "../native/pump.ts";
import { containerOf, unitsOf } from "../policy/cgroup-path.ts";
import type { Connection } from "../records/connection.ts";
import type { AnswerRecord, History } from "../records/contract.ts";
import { type Describer, viewer } from "../records/view.ts";
import { ConnectionIds } from "../store/ids.ts";
import type { Clock } from "../system/clock.ts";
import { parseMountinfo } from "../system/mounts.ts";
import type { Enforcement } from "./enforce.ts";
import { keepHistory, recordOverlays, recordPolicies, startRecord } from "./keep-history.ts";
import { watchResolved } from "./resolved-names.ts";

export interface RecordOptions {
	readonly config: Config;
	readonly enforcement: Enforcement;
	readonly version: string;
	readonly clock: Clock;
	readonly log: Logger;
	readonly scope: AsyncDisposableStack;
}

/** The second phase of the daemon: the kernel's events become connections, in memory and in history. */
export interface Recording {
	readonly users: Users;
	readonly describe: Describer;
	readonly view: ReturnType<typeof viewer>;
	readonly history: History | null;
	/** Null without history. */
	readonly recorder: Recorder | null;
	readonly names: ReverseLookup;
	readonly nameBook: ForwardLookup;
	readonly processes: ProcessTable;
	readonly cgroups: CgroupTable;
	readonly table: ConnectionTable;
	readonly destroyer: Destroyer;
	readonly rejudge: Rejudge;
	readonly pump: Pump;
	readonly eventPath: EventPath;
}

/** Opens history and the tables, and begins to drain the ring buffer. */
export function record({ config, enforcement, version, clock, log, scope }: RecordOptions): Recording {
	const { kernel, before, policy } = enforcement;
	const users = new Users();
	const exes = new ExePaths(
		() => parseMountinfo(readMountinfo()),
		() => clock.now(),
	);
	const describe = { exe: exes.of.bind(exes), user: users.nameOf.bind(users) };
	const history = keepHistory(config, describe, log);
	if (history !== null) {
		scope.defer(() => history.close());
		history.recordStart(startRecord(version, kernel.adopted, before.generation));
		recordPolicies(policy.service, history);
		recordOverlays(enforcement.overlays, policy.service, history);
	}

	const names = new ReverseLookup({ names: LIMITS.names, addresses: LIMITS.namedAddresses });
	seedNames(kernel, names);
	const processes = new ProcessTable({
		...{ limit: LIMITS.processes, readProc, readsPerBatch: PROC_READS },
		keepArguments: keepArguments(config.args),
	});
	const destroyer = new Destroyer({ kernel, log });
	const cgroups = new CgroupTable(LIMITS.cgroups, (path) => ({
		unit: unitsOf(path).at(-1) ?? null,
		container: containerOf(path),
	}));
	const ids = new ConnectionIds();
	const table = new ConnectionTable({
		processes,
		cgroups,
		names,
		rules: policy.service.names,
		clock,
		live: LIMITS.live,
		finished: LIMITS.finished,
		repeats: { kinds: LIMITS.denialKinds, processes: LIMITS.denialProcesses, window: TIMES.repeats },
		lookupName: (hash) => lookupName(kernel, hash),
		destroy: (event) => destroyer.destroy(event),
		nextId: (first) => ids.next(first),
	});
	const nameBook = new ForwardLookup(LIMITS.names);
	scope.defer(table.watch({ answered: (answer) => nameBook.answered(answer) }));
	scope.defer(table.watch(keptInUse(enforcement.keeper)));
	const rejudge = new Rejudge({
		kernel,
		openTcp: () => table.kept.openTcp(),
		denied: (connection, event) => table.rejudged(connection, event),
		clock,
	});
	scope.defer(() => rejudge.close());
	policy.service.watch({ loaded: () => void guarded(log, "judging open connections", () => rejudge.run()) });

	/* Closed after the pump, so that the records of its last batch are written. */
	const recorder =
		history === null
			? null
			: new Recorder({ table, history, settle: TIMES.record, recount: TIMES.recount, refresh: TIMES.refresh });
	scope.defer(() => recorder?.close());
	const pump = startPump(kernel, table, log, scope);
	const sweep = new Sweep({ kernel, table, clock, udpIdle: TIMES.udpIdle, inboundIdle: TIMES.inboundIdle });
	const timer = setInterval(() => void guarded(log, "sweep", () => sweep.run()), TIMES.sweep);
	scope.defer(() => clearInterval(timer));
	if (config.resolvedMonitor !== null) {
		const answered = (answer: AnswerRecord) => {
			nameBook.answered(answer);
			names.answered(answer.address, { name: answer.name, hash: 0, pid: 0, start: 0, shared: true });
		};
		scope.defer(watchResolved({ ...config.resolvedMonitor, answered, now: () => Date.now(), log }));
	}
	return {
		...{ users, describe, view: viewer(describe), history, recorder, names, nameBook, processes, cgroups, table },
		...{ destroyer, rejudge, pump, eventPath: new EventPath(kernel, pump) },
	};
}

/** Processes per batch that are looked up in /proc: each look-up costs some 50 us. */
const PROC_READS = 32;

/** Reports the answers that programs got and the connections that they have to the keeper of names. */
function keptInUse(keeper: NameKeeper): Partial<Watcher> {
	const used = ({ name, remote, netns, decisions }: Connection) => {
		if (name !== null && decisions[PHASE.connect]?.verdict === VERDICT.allow) keeper.used(name, remote, netns);
	};
	return {
		answered: ({ name, address, trusted, netns }) => {
			if (trusted && netns !== undefined) keeper.answered(name, address, netns);
		},
		opened: used,
		ended: used,
	};
}

function startPump(kernel: Kernel, sink: ConnectionTable, log: Logger, scope: AsyncDisposableStack): Pump {
	const pump = new Pump({
		kernel,
		sink,
		batchBytes: LIMITS.batchBytes,
		tail: TIMES.tail,
		onFailure: (error) => log.error("events lost", { error }),
	});
	pump.start();
	scope.defer(() => pump.stop());
	return pump;
}
