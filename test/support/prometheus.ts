/** Debian's Prometheus as a process with its own configuration and folder, on loopback. */
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Cleanup } from "./cleanup.ts";
import { end, must, until } from "./run.ts";

export interface Series {
	readonly metric: Record<string, string>;
	readonly value: readonly [time: number, value: string];
}

export interface Target {
	readonly address: string;
	/** YAML lines of the scrape job, indented by four. */
	readonly more?: string;
}

export class Prometheus {
	readonly #url: string;

	private constructor(url: string) {
		this.#url = url;
	}

	static async start(folder: string, target: Target, cleanup: Cleanup): Promise<Prometheus> {
		const config = join(folder, "prometheus.yml");
		const data = join(folder, "prometheus");
		mkdirSync(data);
		writeFileSync(
			config,
			`global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: sallyport
    static_configs: [{ targets: ["${target.address}"] }]
${target.more ?? ""}
`,
		);
		must("promtool", "check", "config", config);
		const address = `127.0.0.1:${await freePort()}`;
		const child = spawn(
			"prometheus",
			[`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=${address}`, "--log.level=warn"],
			{ stdio: ["ignore", "pipe", "pipe"] },
		);
		cleanup.defer(`prometheus ${child.pid}`, () => {
			if (!end(child.pid, "SIGTERM", 5_000)) throw new Error(`process ${child.pid} does not end`);
		});
		const log = createWriteStream(join(folder, "prometheus.log"));
		child.stdout.pipe(log, { end: false });
		child.stderr.pipe(log, { end: false });
		const prometheus = new Prometheus(`http://${address}`);
		await until("Prometheus", 20_000, async () =>
			fetch(`${prometheus.#url}/-/ready`).then(
				(reply) => reply.ok || undefined,
				() => undefined,
			),
		);
		return prometheus;
	}

	/** The answer of an instant query. */
	async query(expression: string): Promise<Series[]> {
		const reply = await fetch(`${this.#url}/api/v1/query?query=${encodeURIComponent(expression)}`);
		const { status, data, error } = (await reply.json()) as {
			status: string;
			data: { result: Series[] };
			error?: string;
		};
		if (status !== "success") throw new Error(`${expression}: ${error}`);
		return data.result;
	}

	/** The error of the last scrape; "" if it succeeded. */
	async scrapeError(): Promise<string> {
		const reply = await fetch(`${this.#url}/api/v1/targets`);
		const { data } = (await reply.json()) as { data: { activeTargets: { lastError: string }[] } };
		return data.activeTargets.map(({ lastError }) => lastError).join("; ");
	}
}

export function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const { port } = server.address() as { port: number };
			server.close(() => resolve(port));
		});
	});
}
