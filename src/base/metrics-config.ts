/** What the metrics are told from outside; the defaults are in src/base/config.ts. */
export interface MetricsConfig {
	/** HOST:PORT of a listener for /metrics alone, on any address; null: none. */
	readonly listen: string | null;
	/** PEM files; both or neither. */
	readonly tlsCert: string | null;
	readonly tlsKey: string | null;
	/** A file with the bearer token, and one with lines of USER:HASH; whoever has one of them may read. */
	readonly tokenFile: string | null;
	readonly basicFile: string | null;
	/** Beyond loopback also without TLS, or to everybody. */
	readonly insecure: boolean;
	/** Names to label series with, the busiest; 0: none. */
	readonly topNames: number;
}

/** Most names that may become labels. */
export const TOP_NAMES_MAX = 1_000;
