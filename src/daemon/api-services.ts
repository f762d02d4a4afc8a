import type { RecordSources } from "../answers/sources.ts";
import type { ApiServices } from "../api/services.ts";
import type { Status } from "../api/status.ts";
import { packAddress } from "../base/address.ts";
import type { ForwardLookup } from "../connections/forward-lookup.ts";
import type { LiveFeed } from "../connections/live-feed.ts";
import type { OpenPolicy } from "../enforce/open-policy.ts";
import { hostEnvironment } from "../enforce/policy-environment.ts";
import type { LoadResult } from "../enforce/policy-service.ts";
import type { TrustedResolvers } from "../enforce/resolvers.ts";
import type { Users } from "../identity/users.ts";
import { CONTENT_TYPE } from "../metrics/exposition.ts";
import type { History } from "../records/contract.ts";
import type { Describer } from "../records/view.ts";
import { readiness } from "./daemon-status.ts";
import { policyPort } from "./policy-port.ts";

export interface ServicesOptions {
	readonly sources: RecordSources;
	readonly feed: LiveFeed;
	readonly describe: Describer;
	readonly policy: OpenPolicy;
	readonly resolvers: TrustedResolvers;
	readonly users: Users;
	readonly nameBook: ForwardLookup;
	readonly history: History | null;
	readonly reload: () => Promise<LoadResult | null>;
	readonly learned: ApiServices["learned"];
	readonly status: () => Status;
	readonly metrics: () => AsyncIterable<string>;
}

/** Adapts the parts of the daemon to the API's interface. */
export function apiServices(o: ServicesOptions): ApiServices {
	const { sources, feed, describe, resolvers, users, nameBook, history, learned, status } = o;
	const { service: policy, check } = o.policy;
	return {
		...{ feed, describe, learned, status },
		records: (source) => sources.read(source),
		policy: policyPort({
			policy,
			check,
			reload: o.reload,
			facts: {
				environment: hostEnvironment({ folder: "/", within: null, uidOf: users.uidOf.bind(users) }),
				learned: (address) => learned(address).map(({ name }) => name),
				addressesOf: (name) => nameBook.addressesOf(name).map(({ address }) => address),
				isTrustedResolver: (address) => resolvers.current.has(packAddress(address) ?? ""),
			},
		}),
		metrics: () => ({ contentType: CONTENT_TYPE, parts: o.metrics() }),
		unhealthyReason: () => (policy.generation === 0 ? "no policy is in force" : null),
		ready: () => readiness(policy, history?.status() ?? null),
	};
}
