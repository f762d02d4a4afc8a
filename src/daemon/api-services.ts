import type { RecordSources } from "../answers/sources.ts";
import type { ApiServices } from "../api/services.ts";
import type { SocketFile } from "../api/socket-file.ts";
import type { Status } from "../api/status.ts";
import { packAddress } from "../base/address.ts";
import type { ForwardLookup } from "../connections/forward-lookup.ts";
import type { LiveFeed } from "../connections/live-feed.ts";
import type { Attachment } from "../enforce/attachment.ts";
import type { OpenPolicy } from "../enforce/open-policy.ts";
import { hostEnvironment } from "../enforce/policy-environment.ts";
import type { LoadResult } from "../enforce/policy-in-force.ts";
import type { TrustedResolvers } from "../enforce/resolvers.ts";
import type { Users } from "../identity/users.ts";
import { CONTENT_TYPE } from "../metrics/exposition.ts";
import type { Overlays } from "../overlays/overlays.ts";
import type { History } from "../records/contract.ts";
import type { Describer } from "../records/view.ts";
import { bootTime } from "../system/boot.ts";
import { readiness } from "./daemon-status.ts";
import { overlayPort } from "./overlay-port.ts";
import { policyPort } from "./policy-port.ts";

export interface ServicesOptions {
	readonly sources: RecordSources;
	readonly feed: LiveFeed;
	readonly describe: Describer;
	readonly policy: OpenPolicy;
	readonly overlays: Overlays;
	readonly resolvers: TrustedResolvers;
	readonly users: Users;
	readonly nameBook: ForwardLookup;
	readonly history: History | null;
	readonly attachment: Attachment;
	readonly socket: SocketFile | null;
	readonly reload: () => Promise<LoadResult | null>;
	readonly learned: ApiServices["learned"];
	readonly status: () => Status;
	readonly metrics: () => AsyncIterable<string>;
}

/** Adapts the parts of the daemon to the API's interface. */
export function apiServices(o: ServicesOptions): ApiServices {
	const { sources, feed, describe, resolvers, users, nameBook, history, attachment, learned, status } = o;
	const { service: policy, check } = o.policy;
	return {
		...{ feed, describe, learned, status },
		records: (asker, source) => sources.read(asker, source),
		policy: policyPort({
			policy,
			check,
			reload: o.reload,
			facts: {
				bootTime,
				environment: hostEnvironment({ folder: "/", within: null, uidOf: users.uidOf.bind(users) }),
				learned: (address) => learned(address).map(({ name }) => name),
				addressesOf: (name) => nameBook.addressesOf(name).map(({ address }) => address),
				isTrustedResolver: (address) => resolvers.current.has(packAddress(address) ?? ""),
			},
		}),
		overlays: overlayPort(o.overlays, bootTime),
		metrics: () => ({ contentType: CONTENT_TYPE, parts: o.metrics() }),
		unhealthyReason: () => (policy.generation === 0 ? "no policy is in force" : attachment.problem),
		ready: () => readiness(policy, attachment, o.socket, history?.status() ?? null),
	};
}
