/** The policies of the rows. All of them deny by default. */
import { policy, type TestRule } from "../support/policies.ts";
import { PORTS } from "../support/stage.ts";
import type { Target } from "./target.ts";

const both = (host: { v4: string; v6: string }) => [`${host.v4}/32`, `${host.v6}/128`];

/** Allows any port and protocol of one host, by address. */
export function byAddress({ good }: Target, more: readonly TestRule[] = []): string {
	return policy({ rules: [{ name: "good", to: { cidr: both(good) } }, ...more] });
}

/** Allows one host by its name, which must have been resolved by DNS. */
export function byName({ good, also }: Target, more: readonly TestRule[] = [], rest: object = {}): string {
	const rule = { name: "good", to: { domain: [good.name, also.name], ports: [PORTS.tls, PORTS.oddTls, PORTS.sink] } };
	return policy({ rules: [rule, ...more], more: { ...rest } });
}

/** Allows every TCP connection to open, and ClientHellos with the host's name. */
export function byHello(target: Target, more: readonly TestRule[] = []): string {
	return byName(target, [{ name: "open", phases: ["connect"], to: { protocol: "tcp" } }, ...more]);
}
