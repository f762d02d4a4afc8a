import { BothRecords } from "../answers/both.ts";
import { RecentRecords } from "../answers/recent.ts";
import { RecordSources } from "../answers/sources.ts";
import type { Listener } from "../api/listen.ts";
import { newSharing } from "../api/sharing.ts";
import { type Config, LIMITS, TIMES } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import { LiveFeed } from "../connections/live-feed.ts";
import { SettledStream } from "../connections/settled.ts";
import { learnedNames } from "../enforce/kernel-names.ts";
import type { LoadResult } from "../enforce/policy-in-force.ts";
import { expose } from "../metrics/exposition.ts";
import { listenForScrapes } from "../metrics/listener.ts";
import { registerMetrics } from "../metrics/register.ts";
import type { Connection } from "../records/connection.ts";
import type { Clock } from "../system/clock.ts";
import type { PeerUid } from "../system/peer.ts";
import { listenForApi, socketFileOf } from "./api-listeners.ts";
import { apiServices } from "./api-services.ts";
import { type StatusOptions, statusOf } from "./daemon-status.ts";
import type { Enforcement } from "./enforce.ts";
import type { Recording } from "./record.ts";

export interface ServeOptions {
	readonly config: Config;
	readonly enforcement: Enforcement;
	readonly recording: Recording;
	readonly about: Pick<StatusOptions, "version" | "libbpfVersion" | "startedAt" | "cgroup" | "pins">;
	readonly peerUid: PeerUid;
	/** The API's TCP listener, checked but not open. */
	readonly listener: Listener | null;
	readonly clock: Clock;
	readonly log: Logger;
	readonly scope: AsyncDisposableStack;
}

/** The third phase of the daemon: metrics, API and streams. */
export interface Serving {
	/** HOST:PORT of the metrics listener as bound; null: none. */
	readonly metricsAddress: string | null;
	/** Reads the policy file, the host's resolvers and the metrics' secrets again; null: there is no policy file. */
	readonly reload: () => Promise<LoadResult | null>;
}

/** Registers the metrics and opens the listeners. Rejects with SallyportError: USAGE, LISTEN_FAILED. */
export async function serve(options: ServeOptions): Promise<Serving> {
	const { config, enforcement, recording, about, peerUid, listener, clock, log, scope } = options;
	const { kernel, policy, overlays, slots, resolvers, suffixes, keeper, attachment } = enforcement;
	const { table, names, nameBook, describe, view, history, recorder, users, pump, processes, cgroups, destroyer } =
		recording;
	const settled = (emit: (connection: Connection) => void, repeats?: number) => {
		const counted = repeats === undefined ? {} : { repeats };
		const stream = new SettledStream({ table, settle: TIMES.settle, emit, ...counted });
		scope.defer(() => stream.close());
	};

	const { registry, topNames, fills, encryptedDns } = registerMetrics({
		...{ kernel, slots, version: about.version, table, processes, pump, destroyer },
		policy: policy.service,
		overlays,
		keeper,
		actionOf: (key) => policy.service.actionOf(key),
		history: () => history?.status() ?? null,
		attachment,
		topNames: config.metrics.topNames,
	});
	if (topNames !== null) {
		settled((each) => topNames.settled(each));
		scope.defer(table.watch({ ended: (each) => topNames.ended(each), repeated: (each) => topNames.repeated(each) }));
	}
	settled((each) => encryptedDns.settled(each));
	scope.defer(table.watch({ repeated: (each) => encryptedDns.settled(each) }));
	const feed = new LiveFeed(LIMITS.replayed, view);
	settled((each) => feed.push(each, clock.now()), TIMES.settle);

	const sharing = newSharing(peerUid);
	const { listen } = config.metrics;
	const scrapes =
		listen === null
			? null
			: await listenForScrapes(
					{ ...config.metrics, listen },
					{ expose: () => expose(registry), callers: sharing.callers, log },
				);
	scope.defer(() => scrapes?.close());
	const reload = async () => {
		const loaded = await policy.reload();
		enforcement.updateResolvers();
		scrapes?.reload();
		return loaded;
	};

	const connections = () => table.kept.all();
	const recent = (some: () => Iterable<Connection>) =>
		new RecentRecords({ connections: some, names: nameBook, describe, view });
	const socket = socketFileOf(config, log);
	const services = apiServices({
		...{ feed, describe, policy, overlays, resolvers, users, nameBook, history, attachment, socket, reload },
		sources: new RecordSources({
			...{ history, recorder },
			recent: recent(connections),
			both: (file) => new BothRecords({ history: file, connections, recent: (some) => recent(() => some) }),
			drain: () => pump.flush(),
			flushTimeout: TIMES.freshness,
		}),
		learned: (address) => learnedNames(kernel, names, clock, table.namespaces(), address),
		status: () =>
			statusOf({
				...about,
				...{ kernel, policy: policy.service, overlays, pump, table, cgroups, fills, attachment },
				resolvers: resolvers.texts(),
				search: suffixes.current,
				names: keeper.kept,
				history: history?.status() ?? null,
				streams: feed.readers,
			}),
		metrics: () => expose(registry),
	});
	await listenForApi({ socket, services, log, version: about.version, listener, sharing, scope });
	return { metricsAddress: scrapes?.address ?? null, reload };
}
