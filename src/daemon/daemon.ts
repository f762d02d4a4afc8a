import { join } from "node:path";
import { BothRecords } from "../answers/both.ts";
import { RecentRecords } from "../answers/recent.ts";
import { RecordSources } from "../answers/sources.ts";
import { CLOSED_POLICY, type Config, LIMITS, TIMES } from "../base/config.ts";
import { guarded } from "../base/guarded.ts";
import type { Logger } from "../base/logger.ts";
import { Undo } from "../base/undo.ts";
import type { RunningDaemon } from "../cli/deps.ts";
import { ConnectionTable } from "../connections/connection-table.ts";
import { Names } from "../connections/dns-names.ts";
import { LiveFeed } from "../connections/live-feed.ts";
import { type Answer, NameBook } from "../connections/name-book.ts";
import { Recorder } from "../connections/recorder.ts";
import { SettledStream } from "../connections/settled.ts";
import { Sweep } from "../connections/sweep.ts";
import { ensureBpffs } from "../enforce/bpffs.ts";
import { Destroyer } from "../enforce/destroyer.ts";
import { keepLastGood, lastGoodFile } from "../enforce/last-good.ts";
import { attach, inherited, openKernel } from "../enforce/open-kernel.ts";
import { openPolicy } from "../enforce/open-policy.ts";
import { readMountinfo } from "../enforce/policy-environment.ts";
import { Rejudge } from "../enforce/rejudge.ts";
import { TrustedResolvers } from "../enforce/resolvers.ts";
import { lookupName, seedNames } from "../enforce/seed.ts";
import { SlotBook } from "../enforce/slot-book.ts";
import { takeOut } from "../enforce/take-out.ts";
import { Warmer } from "../enforce/warm-up.ts";
import { watchPolicy } from "../enforce/watch-policy.ts";
import { CgroupTable } from "../identity/cgroup-table.ts";
import { ExePaths } from "../identity/exe-paths.ts";
import { ProcessTable } from "../identity/process-table.ts";
import { readProc } from "../identity/read-proc.ts";
import { Users } from "../identity/users.ts";
import { expose } from "../metrics/exposition.ts";
import { lostOf } from "../metrics/kernel.ts";
import { checkMetricsConfig, listenForScrapes, type MetricsListener } from "../metrics/listener.ts";
import { registerMetrics } from "../metrics/register.ts";
import type { Addon } from "../native/binding.ts";
import { EventPath } from "../native/event-path.ts";
import type { Cursor } from "../native/events.ts";
import { Pump } from "../native/pump.ts";
import { containerOf, unitsOf } from "../policy/cgroup-path.ts";
import type { Connection } from "../records/connection.ts";
import { viewer } from "../records/view.ts";
import { ConnectionIds } from "../store/ids.ts";
import { watchedCgroup } from "../system/cgroup.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import { acquirePins } from "../system/lock.ts";
import { parseMountinfo } from "../system/mounts.ts";
import { checkMachine } from "../system/preflight.ts";
import { apiServices } from "./api-services.ts";
import { statusLine, statusOf } from "./daemon-status.ts";
import { keepHistory, loadedChange, refusedChange, startRecord } from "./keep-history.ts";
import { learnedNames } from "./learned.ts";
import { watchResolved } from "./resolved-names.ts";
import { serve, tcpListenerOf } from "./serve.ts";

export interface DaemonDeps {
	readonly openAddon: () => Addon;
	readonly log: Logger;
	readonly version: string;
	readonly clock?: Clock;
	/** Throws what the machine lacks. */
	readonly preflight?: () => void;
	/** Once it has run for a moment. */
	readonly started?: (addon: Addon) => void;
}

/** The only place that knows all the parts: builds them in order, and takes them down in the other. */
export async function startDaemon(config: Config, deps: DaemonDeps): Promise<RunningDaemon> {
	const undo = new Undo();
	try {
		return await compose(config, deps, undo);
	} catch (error) {
		await undo.run();
		throw error;
	}
}

async function compose(
	config: Config,
	{ openAddon, log, version, clock = systemClock(), preflight = checkMachine, started }: DaemonDeps,
	undo: Undo,
): Promise<RunningDaemon> {
	const startedAt = new Date();
	preflight();
	const listener = tcpListenerOf(config);
	checkMetricsConfig(config.metrics);
	const watched = watchedCgroup(config.cgroup, readMountinfo());
	const addon = openAddon();
	const lock = await acquirePins(config);
	undo.add(() => lock.release());

	undo.add(ensureBpffs(addon, config.pins));
	const kernel = openKernel(addon, config, watched);
	undo.add(() => kernel.close());
	const before = inherited(kernel);
	/* Programs that were loaded but never attached go with their handles; what was in force before stays. */
	let detach = false;
	undo.add(() => {
		if (detach) takeOut(kernel, config.pins);
	});

	const users = new Users();
	const exes = new ExePaths(
		() => parseMountinfo(readMountinfo()),
		() => clock.now(),
	);
	const describe = { exe: exes.of.bind(exes), user: users.nameOf.bind(users) };
	const view = viewer(describe);
	const history = keepHistory(config, describe, log);
	undo.add(() => history?.close());
	history?.recordStart(startRecord(version, kernel.adopted, before.generation));
	const slots = new SlotBook(config.stateDir === null ? null : join(config.stateDir, "slots.json"));
	slots.restore(kernel.adopted ? kernel.sum("rules") : null);

	let rejudge: Rejudge | null = null;
	let warmer: Warmer | null = null;
	const resolvers = new TrustedResolvers(kernel, config.stateDir, log);
	const policy = openPolicy({
		...{ config, kernel, before, slots, log, undo },
		onLoaded: (inForce) => {
			resolvers.update(inForce.policy.resolvers);
			void rejudge?.run();
			warmer?.begin(inForce.policy, false);
			history?.recordPolicyChange(loadedChange(inForce));
			if (config.stateDir !== null) keepLastGood(lastGoodFile(config.stateDir), kernel, inForce, log);
		},
		onRefused: (failure, generation) => history?.recordPolicyChange(refusedChange(failure, generation)),
	});
	const { service } = policy;
	const updateResolvers = () => resolvers.update(service.current?.policy.resolvers ?? null);
	await policy.loadFirst();
	if (service.current === null) updateResolvers();
	attach(kernel);
	detach = config.onExit === "open";
	warmer = new Warmer({ kernel, what: config.warmUp, resolvers: () => resolvers.texts(), log });
	if (service.current !== null) warmer.begin(service.current.policy, !kernel.adopted);

	const names = new Names({ names: LIMITS.names, addresses: LIMITS.namedAddresses });
	seedNames(kernel, names);
	const processes = new ProcessTable({ limit: LIMITS.processes, readProc, readsPerBatch: 32 });
	const cgroups = new CgroupTable(LIMITS.cgroups, (path) => ({
		unit: unitsOf(path).at(-1) ?? null,
		container: containerOf(path),
	}));
	const destroyer = new Destroyer({ kernel, log });
	const ids = new ConnectionIds();
	const table = new ConnectionTable({
		processes,
		cgroups,
		names,
		rules: service,
		clock,
		live: LIMITS.live,
		finished: LIMITS.finished,
		lookupName: (hash) => lookupName(kernel, hash),
		destroy: (event) => destroyer.destroy(event),
		nextId: (first) => ids.next(first),
	});
	/* Before the pump: what its last drain brings is still written. */
	const recorder =
		history === null ? null : new Recorder({ table, history, settle: TIMES.record, refresh: TIMES.refresh });
	undo.add(() => recorder?.close());
	rejudge = new Rejudge({
		kernel,
		openTcp: () => table.kept.openTcp(),
		denied: (event) => table.decision(event, NO_CURSOR),
		clock,
	});
	const pump = new Pump({
		kernel,
		sink: table,
		batchBytes: LIMITS.batchBytes,
		tail: TIMES.tail,
		onFailure: (error) => log.error("events lost", { error }),
	});
	pump.start();
	undo.add(() => pump.stop());
	const eventPath = new EventPath(kernel, pump);
	const sweep = new Sweep({ kernel, table, clock, udpIdle: TIMES.udpIdle, inboundIdle: TIMES.inboundIdle });
	const timer = setInterval(() => void guarded(log, "sweep", () => sweep.run()), TIMES.sweep);
	undo.add(() => clearInterval(timer));

	const { registry, topNames, fills, encryptedDns } = registerMetrics({
		...{ kernel, slots, version, table, processes, pump, destroyer },
		policy: service,
		actionOf: (key) => service.actionOf(key),
		history: () => history?.status() ?? null,
		topNames: config.metrics.topNames,
	});
	if (topNames !== null) {
		const settled = new SettledStream({ table, settle: TIMES.settle, emit: (each) => topNames.settled(each) });
		undo.add(() => settled.close());
		undo.add(table.watch({ opened() {}, denied() {}, ended: (each) => topNames.ended(each) }));
	}

	const counted = new SettledStream({ table, settle: TIMES.settle, emit: (each) => encryptedDns.settled(each) });
	undo.add(() => counted.close());

	const nameBook = new NameBook(LIMITS.names);
	const feed = new LiveFeed(LIMITS.replayed, view);
	undo.add(table.watch({ opened() {}, denied() {}, ended() {}, answered: (answer) => nameBook.answered(answer) }));
	if (config.resolvedMonitor !== null) {
		const answered = (answer: Answer) => {
			nameBook.answered(answer);
			names.answered(answer.address, { name: answer.name, hash: 0, pid: 0, start: 0, shared: true });
		};
		undo.add(watchResolved({ ...config.resolvedMonitor, answered, now: () => Date.now(), log }));
	}
	const told = new SettledStream({ table, settle: TIMES.settle, emit: (each) => feed.push(each, clock.now()) });
	undo.add(() => told.close());
	const recent = (connections: () => Iterable<Connection>) =>
		new RecentRecords({ connections, names: nameBook, describe, view });
	const connections = () => table.kept.all();
	const services = apiServices({
		...{ feed, describe, policy, resolvers, users, nameBook, history },
		sources: new RecordSources({
			...{ history, recorder },
			recent: recent(connections),
			both: history === null ? null : new BothRecords({ history, connections, recent: (some) => recent(() => some) }),
			drain: () => pump.flush(),
			flushTimeout: TIMES.freshness,
		}),
		learned: (address) => learnedNames(kernel, names, clock, address),
		status: () =>
			statusOf({
				...{ version, startedAt, kernel, policy: service, pump, table, fills },
				libbpfVersion: addon.libbpfVersion,
				cgroup: watched.path,
				pins: config.pins,
				resolvers: resolvers.texts(),
				history: history?.status() ?? null,
				streams: feed.readers,
			}),
		metrics: () => expose(registry),
	});
	await serve({ config, services, log, version, listener, defer: (step) => undo.add(step) });
	let scrapes: MetricsListener | null = null;
	if (config.metrics.listen !== null) {
		const { listen } = config.metrics;
		scrapes = await listenForScrapes({ ...config.metrics, listen }, () => expose(registry), log);
		undo.add(() => scrapes?.close());
	}

	const reload = () =>
		guarded(log, "reload", async () => {
			if (config.policy !== null) await service.loadFile(config.policy);
			updateResolvers();
			scrapes?.reload();
		});
	watchPolicy({ file: config.policy, policy: service, resolversChanged: updateResolvers, log, undo });
	log.info("running", {
		version,
		pid: process.pid,
		cgroup: watched.path,
		adopted: kernel.adopted,
		generation: service.generation,
		socket: config.socket,
		listen: config.listen,
		metrics: scrapes?.address ?? null,
	});

	if (started !== undefined) {
		const soon = setTimeout(() => guarded(log, "giving memory back", () => started(addon)), TIMES.started);
		undo.add(() => clearTimeout(soon));
	}

	return {
		watch: (emit) => {
			const stream = new SettledStream({ table, settle: TIMES.settle, emit: (connection) => emit(view(connection)) });
			return async () => {
				await pump.flush();
				stream.close();
			};
		},
		reload,
		summary: () => ({ lost: lostOf(kernel.sum("counters")) }),
		health: () => ({ problem: eventPath.look(), line: statusLine({ kernel, policy: service, table }) }),
		stop: async () => {
			const atEnd = rejudge;
			rejudge = null;
			warmer = null;
			if (config.onExit === "closed") {
				await service.load(CLOSED_POLICY, "(built-in)", "built-in");
				/* Nobody is left to end what is open when it next sends. What was opened a moment ago is in the ring. */
				await pump.flush();
				await atEnd?.run();
				await destroyer.settled();
			}
			await undo.run();
			log.info("stopped", { left: config.onExit });
		},
	};
}

/* Of an event that no batch holds. */
const NO_CURSOR: Cursor = { comm: () => "", nameHash: () => Buffer.alloc(8) };
