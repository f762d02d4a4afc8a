/** A world with names, listeners and a daemon that watches it: the setup of most end-to-end tests. */
import { records, type Seen } from "./api.ts";
import type { DnsOutcome, DnsTask } from "./clients/dns-client.ts";
import { Daemon } from "./daemon.ts";
import type { Arrival, Kind } from "./listeners.ts";
import { DNS_CLIENT, NODE_COMMAND, TLS_CLIENT } from "./paths.ts";
import { SLOW, until } from "./run.ts";
import { World } from "./world.ts";
import { ZONE } from "./zones.ts";

export const PORTS = {
	tls: 443,
	oddTls: 8443,
	http: 80,
	smtp: 25,
	echo: 7001,
	sink: 7002,
	give: 7003,
	third: 7004,
	socks: 1080,
	udp: 5000,
} as const;
const LISTEN: readonly (readonly [Kind, number])[] = [
	["tls", PORTS.tls],
	["tls", PORTS.oddTls],
	["http", PORTS.http],
	["sink", PORTS.smtp],
	["echo", PORTS.echo],
	["sink", PORTS.sink],
	["give:1234567", PORTS.give],
	["sink", PORTS.third],
	["socks", PORTS.socks],
	["udp", PORTS.udp],
];

export interface Curl {
	readonly ok: boolean;
	readonly exit: number | null;
	readonly error: string;
	/** Duration as curl reports it [s]. */
	readonly total: number;
	readonly lookup: number;
}

export interface NodeOutcome {
	readonly ok: boolean;
	readonly error?: string;
	readonly ms: number;
	readonly msAfterConnect: number | null;
}

export interface Probe {
	readonly pid: number;
	readonly errno: string;
	readonly us: number;
	readonly reply?: boolean;
	readonly sent?: number;
	readonly received?: number;
}

export class Stage {
	readonly world: World;
	readonly daemon: Daemon;

	private constructor(world: World, daemon: Daemon) {
		this.world = world;
		this.daemon = daemon;
	}

	/** With `start: false` the test starts the daemon itself. */
	static async make(policy: string, options: { start?: boolean; flags?: readonly string[] } = {}): Promise<Stage> {
		const world = await World.make();
		try {
			await world.server.zone(ZONE);
			for (const [kind, port] of LISTEN) await world.server.listen(kind, port);
			const stage = new Stage(world, new Daemon(world, policy, options.flags));
			if (options.start !== false) await stage.daemon.start();
			return stage;
		} catch (error) {
			world.cleanup.run();
			throw error;
		}
	}

	close(): void {
		this.world.close();
	}

	/** curl with the tests' CA; `args` precede the URL. */
	async curl(url: string, args: readonly string[] = [], below?: string): Promise<Curl> {
		const format = "%{stderr}\n@%{time_total} %{time_namelookup}";
		const argv = [
			"curl",
			"-sS",
			"--max-time",
			String(10 * SLOW),
			"--cacert",
			this.world.certificates.ca,
			"-w",
			format,
			...args,
			url,
		];
		const result = await this.world.run(argv, below === undefined ? {} : { below });
		const [, total, lookup] = /@([\d.]+) ([\d.]+)/.exec(result.stderr) ?? [];
		return {
			ok: result.code === 0,
			exit: result.code,
			error: result.stderr.split("\n")[0] ?? "",
			total: Number(total),
			lookup: Number(lookup),
		};
	}

	/** A Node TLS client. The error is Node's code. */
	async node(host: string, port: number, address?: string, below?: string): Promise<NodeOutcome> {
		const argv = [
			...NODE_COMMAND,
			TLS_CLIENT,
			host,
			String(port),
			this.world.certificates.ca,
			...(address === undefined ? [] : [address]),
		];
		return parse((await this.world.run(argv, below === undefined ? {} : { below })).stdout);
	}

	/** Crafted DNS queries, and connections directly after the answers. */
	async dns(task: DnsTask, below?: string): Promise<DnsOutcome> {
		const argv = [...NODE_COMMAND, DNS_CLIENT, JSON.stringify(task)];
		return parse((await this.world.run(argv, below === undefined ? {} : { below })).stdout);
	}

	/** A counter of the daemon's metrics, summed over the label sets that contain `labels`; 0 if it does not exist yet. */
	async metric(name: string, labels = ""): Promise<number> {
		const { text } = await this.daemon.ask("GET", "/metrics");
		const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
		return lines.filter((line) => line.includes(labels)).reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
	}

	async probe(args: readonly (string | number)[], options: { below?: string; program?: string } = {}): Promise<Probe> {
		const argv = [options.program ?? this.world.client("probe"), ...args.map(String)];
		return parse((await this.world.run(argv, options.below === undefined ? {} : { below: options.below })).stdout);
	}

	/** The listeners' records for an address or port. */
	async arrivals(match: Partial<Pick<Arrival, "at" | "port">>): Promise<Arrival[]> {
		const all = await this.world.server.record();
		return all.filter((each) => (match.at ?? each.at) === each.at && (match.port ?? each.port) === each.port);
	}

	async bytesAt(match: Partial<Pick<Arrival, "at" | "port">>): Promise<number> {
		return (await this.arrivals(match)).reduce((sum, each) => sum + each.bytes, 0);
	}

	/** The first matching record. Records appear a moment after the event. */
	record(like: Partial<Seen>, ms = 4_000): Promise<Seen> {
		return until(`a record like ${JSON.stringify(like)}`, ms, async () =>
			(await records(this.daemon)).find((seen) => matches(seen, like)),
		);
	}

	async records(like: Partial<Seen> = {}): Promise<Seen[]> {
		return (await records(this.daemon)).filter((seen) => matches(seen, like));
	}
}

export function matches(seen: Seen, like: Partial<Seen>): boolean {
	return Object.entries(like).every(([key, value]) => seen[key as keyof Seen] === value);
}

export function parse<T>(line: string): T {
	if (line.trim() === "") throw new Error("the client printed nothing");
	return JSON.parse(line.trim().split("\n").at(-1) ?? "") as T;
}
