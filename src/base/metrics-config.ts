/** Settings of the metrics. src/base/config.ts has the defaults. */
export interface MetricsConfig {
	/** ADDRESS:PORT of a listener that serves only /metrics; null: none. */
	readonly listen: string | null;
	/** PEM files; both or neither. */
	readonly tlsCert: string | null;
	readonly tlsKey: string | null;
	/** A file with a bearer token, and one with lines of USER:HASH. A client needs one of the two secrets. */
	readonly tokenFile: string | null;
	readonly basicFile: string | null;
	/** Allows an address that other hosts can reach without TLS or without a secret. */
	readonly insecure: boolean;
	/** Number of busy names that are labels; 0: none. */
	readonly topNames: number;
}

/** Most names that may be labels. */
export const TOP_NAMES_MAX = 1_000;
