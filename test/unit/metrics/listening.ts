import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as request1 } from "node:http";
import { request as requestTls } from "node:https";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { DEFAULTS } from "../../../src/base/config.ts";
import { jsonLogger } from "../../../src/base/logger.ts";
import type { MetricsConfig } from "../../../src/base/metrics-config.ts";
import { listenForScrapes, type MetricsListener } from "../../../src/metrics/listener.ts";
import { Callers } from "../../../src/system/peer.ts";

export let folder: string;
export let logged: string[];
export let listeners: MetricsListener[];
export let sockets: Socket[];
export function useListeners(): void {
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "sallyport-"));
		logged = [];
		listeners = [];
		sockets = [];
	});
	afterEach(async () => {
		for (const socket of sockets) socket.destroy();
		for (const listener of listeners) await listener.close();
		rmSync(folder, { recursive: true, force: true });
	});
}

export const TOKEN = "0123456789abcdef-token";

export async function listen(
	config: Partial<MetricsConfig> = {},
	listen = "127.0.0.1:0",
	expose: () => AsyncIterable<string> = parts,
): Promise<MetricsListener> {
	const log = jsonLogger((line) => void logged.push(line));
	const listener = await listenForScrapes(
		{ ...DEFAULTS.metrics, ...config, listen },
		{ expose, callers: new Callers(() => 0), log },
	);
	listeners.push(listener);
	return listener;
}

export function portOf({ address }: MetricsListener): number {
	return Number(address.slice(address.lastIndexOf(":") + 1));
}

export async function* parts() {
	yield "up 1\n";
	yield "up 2\n";
}

export function file(name: string, text: string, mode = 0o600): string {
	const path = join(folder, name);
	writeFileSync(path, text);
	chmodSync(path, mode);
	return path;
}

export interface Request {
	readonly path?: string;
	readonly method?: string;
	readonly authorization?: string;
	readonly ca?: Buffer;
	readonly host?: string;
	readonly headers?: Readonly<Record<string, string>>;
}

export function ask(
	listener: MetricsListener,
	{ path = "/metrics", method = "GET", authorization, ca, host, headers: others = {} }: Request = {},
): Promise<{ status: number; text: string; type: string | undefined }> {
	const { promise, resolve, reject } = Promise.withResolvers<{
		status: number;
		text: string;
		type: string | undefined;
	}>();
	const port = portOf(listener);
	const headers = {
		...others,
		...(authorization === undefined ? {} : { authorization }),
		...(host === undefined ? {} : { host }),
	};
	const options = { host: "127.0.0.1", port, path, method, headers, agent: false as const };
	const sent = (ca === undefined ? request1 : requestTls)(
		{ ...options, ca, servername: "metrics.good.test" },
		(response) => {
			let text = "";
			response.setEncoding("utf8").on("data", (part) => (text += part));
			response.on("end", () =>
				resolve({ status: response.statusCode ?? 0, text, type: response.headers["content-type"] }),
			);
		},
	);
	sent.on("error", reject);
	sent.end();
	return promise;
}

export const basic = (user: string, password: string) =>
	`Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
