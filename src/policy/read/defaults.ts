import type { Policy } from "../model.ts";
import { ERRNOS } from "../numbers.ts";

/** What a policy has where its file says nothing. `ttl` in seconds. */
export const DEFAULTS = {
	mode: "observe",
	nameBinding: "strict",
	denyErrno: "EACCES",
	ttl: { floor: 60, grace: 30 },
	priority: 100,
} as const;

/** What is in force when no policy file is given: everything is seen, nothing is blocked. */
export function observePolicy(): Policy {
	return {
		version: 1,
		mode: DEFAULTS.mode,
		nameBinding: DEFAULTS.nameBinding,
		defaults: { dns: "allow", connect: "allow", tls: "allow", http: "allow" },
		denyErrno: ERRNOS[DEFAULTS.denyErrno]!,
		resolvers: [],
		ttl: DEFAULTS.ttl,
		rules: [],
		lists: [],
	};
}
