import type { AddressInfo } from "node:net";
import { Server as TlsServer } from "node:tls";
import { SallyportError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { MetricsConfig } from "../base/metrics-config.ts";
import { isOwnName } from "../system/host-check.ts";
import { isLoopback, listenText, parseListen, readTls, type TlsFiles } from "../system/listen-address.ts";
import { type Credentials, readCredentials } from "./credentials.ts";
import { buildScrapeApp, type ScrapeAppOptions } from "./scrape-app.ts";

export interface MetricsListener {
	/** ADDRESS:PORT as bound. */
	readonly address: string;
	/** Reads the certificate and the secrets again. If one of them cannot be used, the previous ones stay and the log has the reason. */
	readonly reload: () => void;
	/** Closes the port and all connections. */
	readonly close: () => Promise<void>;
}

type ListenConfig = MetricsConfig & { readonly listen: string };

/** Serves GET /metrics and no other path. Rejects with SallyportError USAGE or LISTEN_FAILED. */
export async function listenForScrapes(
	config: ListenConfig,
	{ log, ...serving }: Pick<ScrapeAppOptions, "expose" | "callers" | "log">,
): Promise<MetricsListener> {
	const { host, port } = addressOf(config);
	let { credentials, tls } = readFiles(config, log);
	warnOfExposure(host, credentials, tls, log);
	const app = await buildScrapeApp({
		tls,
		credentials: () => credentials,
		hostAllowed: (name) => isOwnName(name, tls),
		log,
		...serving,
	});
	try {
		await app.listen({ host, port });
	} catch (error) {
		throw new SallyportError(
			"LISTEN_FAILED",
			`The metrics cannot be served on ${config.listen}: ${(error as Error).message}.`,
			"Choose another address with --metrics-listen.",
			error,
		);
	}
	return {
		address: listenText({ host, port: (app.server.address() as AddressInfo).port }),
		reload() {
			try {
				({ credentials, tls } = readFiles(config, log));
			} catch (error) {
				log.error("metrics: certificate and secrets stay as they were, because a file cannot be used", { error });
				return;
			}
			if (tls !== null && app.server instanceof TlsServer)
				app.server.setSecureContext({ ...tls, minVersion: "TLSv1.2" });
		},
		close: () => app.close(),
	};
}

/**
 * Checks the settings and the files that they name; opens nothing. An address that other hosts can reach needs TLS and a secret, unless
 * `insecure` is set (docs/decisions/0010-metrics-access.md). Throws SallyportError USAGE or NOT_LOOPBACK.
 */
export function checkMetricsConfig(config: MetricsConfig): void {
	const { listen, tlsCert, tlsKey, tokenFile, basicFile, insecure } = config;
	if (listen === null) {
		if (tlsCert === null && tlsKey === null && tokenFile === null && basicFile === null) return;
		throw new SallyportError(
			"USAGE",
			"A certificate or secret of the metrics is given without --metrics-listen.",
			"For example --metrics-listen 127.0.0.1:9441.",
		);
	}
	const { host } = addressOf({ listen });
	const isProtected = tlsCert !== null && (tokenFile !== null || basicFile !== null);
	if (!isLoopback(host) && !isProtected && !insecure) {
		throw new SallyportError(
			"NOT_LOOPBACK",
			`--metrics-listen ${listen} would expose the metrics, or their secret, to the network.`,
			"Give --metrics-tls-cert, --metrics-tls-key and --metrics-token-file or --metrics-basic-file; or --metrics-insecure.",
		);
	}
	readFiles(config, null);
}

function addressOf({ listen }: Pick<ListenConfig, "listen">) {
	return parseListen(listen, "--metrics-listen", 9441);
}

function readFiles(config: MetricsConfig, log: Logger | null): { credentials: Credentials; tls: TlsFiles | null } {
	return {
		tls: readTls(config.tlsCert, config.tlsKey, "--metrics-tls"),
		credentials: readCredentials(config, log),
	};
}

function warnOfExposure(host: string, credentials: Credentials, tls: TlsFiles | null, log: Logger): void {
	if (isLoopback(host)) return;
	if (credentials.isOpen)
		log.warn("metrics: every host that reaches this address can read them", {
			host,
			hint: "--metrics-token-file or --metrics-basic-file",
		});
	else if (tls === null)
		log.warn("metrics: the token or password crosses the network in cleartext", {
			host,
			hint: "--metrics-tls-cert and --metrics-tls-key",
		});
}
