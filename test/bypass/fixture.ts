/** A stage whose traffic is counted on the wire, and the actions of rows. */
import { join } from "node:path";
import { encode } from "dns-packet";
import { DNS4 } from "../support/addresses.ts";
import { compileClients } from "../support/clients.ts";
import { policy } from "../support/policies.ts";
import { must, run, sleep } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import { PORTS, parse, Stage } from "../support/stage.ts";
import type { Zone } from "../support/zone.ts";
import { ZONE } from "../support/zones.ts";
import type { Place } from "./row.ts";
import { Wire } from "./wire.ts";

/** The output of clients/script.c and of the other C clients. */
export interface Scripted {
	readonly pid: number;
	/** "0" if every step worked. */
	readonly errno: string;
	readonly step: string;
	/** Received data, in hex. */
	readonly read: string;
}

export interface Where {
	/** A cgroup below the watched one. */
	readonly below?: string;
	/** A network namespace other than the client's. */
	readonly netns?: string;
	readonly uid?: number;
}

export const DATA = Buffer.from("not for you").toString("hex");

export class Fixture {
	readonly stage: Stage;
	readonly wire: Wire;
	/** False: policies are applied in mode observe, to show that the attempt arrives when nothing blocks it. */
	readonly blocking: boolean;

	private constructor(stage: Stage, wire: Wire, blocking: boolean) {
		this.stage = stage;
		this.wire = wire;
		this.blocking = blocking;
	}

	static async make(options: { start?: boolean; blocking?: boolean } = {}): Promise<Fixture> {
		const stage = await Stage.make(policy(), options);
		try {
			compileClients(stage.world.folder, join(import.meta.dirname, "clients"));
			await stage.world.server.listen("udp", PORTS.tls);
			set(stage, "client", "ipv4/ping_group_range", "0 2147483647");
			return new Fixture(stage, await Wire.open(stage.world), options.blocking ?? true);
		} catch (error) {
			stage.close();
			throw error;
		}
	}

	close(): void {
		this.stage.close();
	}

	/** Applies the row's policy. In a fixture that blocks nothing, its mode becomes observe. */
	put(policy: string): Promise<void> {
		return this.stage.daemon.put(this.blocking ? policy : policy.replace('"mode": "enforce"', '"mode": "observe"'));
	}

	/** Runs clients/script.c in the watched cgroup. */
	script(type: string, steps: readonly string[], where: Where = {}): Promise<Scripted> {
		return this.small("script", [type, ...steps], where);
	}

	/** Runs clients/script.c in the server's namespace, outside the watched cgroup. */
	async far(type: string, steps: readonly string[], timeout = 10_000): Promise<Scripted> {
		const { world } = this.stage;
		const argv = world.network.inServer([world.client("script"), type, ...steps]);
		return parse((await run(argv, { env: cleanEnvironment(), timeout })).stdout);
	}

	async small(program: string, args: readonly string[], where: Where = {}): Promise<Scripted> {
		const { world } = this.stage;
		const own = [world.client(program), ...args];
		const user = where.uid === undefined ? own : ["setpriv", `--reuid=${where.uid}`, "--clear-groups", ...own];
		const cgroup = where.below === undefined ? world.cgroup : world.cgroup.child(where.below);
		const argv =
			where.netns === undefined
				? world.network.inClient(user)
				: ["nsenter", `--net=/run/netns/${where.netns}`, "--", ...user];
		return parse((await run(cgroup.wrap(argv), { env: cleanEnvironment(), timeout: 40_000 })).stdout);
	}

	/** Queries a resolver as a program with its own DNS code does. Returns the answer in hex, or "". */
	async ask(name: string, options: { resolver?: string; type?: "A" | "AAAA"; id?: number } = {}): Promise<string> {
		const { resolver = DNS4, type = "A", id = 1 } = options;
		const asked = question(name, type, id).toString("hex");
		return (await this.script("udp4", [`connect=${resolver},53`, `send=${asked}`, "read=1000"])).read;
	}

	/** Queries names that no client has queried before (`KIND0.gen.test` and so on) and waits for each answer. */
	async askMany(kind: string, family: number, count: number): Promise<void> {
		const { world } = this.stage;
		const argv = [world.client("dnsconnect"), "query", String(family), DNS4, kind, "0", String(count), "9"];
		await world.run(argv, { timeout: 60_000 });
	}

	/** Sends a ClientHello to an address, and waits briefly for the response. */
	hello(address: string, bytes: Buffer, port: number = PORTS.tls): Promise<Scripted> {
		const type = address.includes(":") ? "tcp6" : "tcp4";
		return this.script(type, [`connect=${address},${port}`, `send=${bytes.toString("hex")}`, "read=300"]);
	}

	/** Adds the row's names to the zone. */
	zone(extra: Zone): Promise<void> {
		return this.stage.world.server.zone({ ...ZONE, ...extra });
	}

	/** Bytes that arrived at a destination while `act` ran, for destinations that other rows share. */
	async during<T>(place: Place, act: () => Promise<T>): Promise<{ result: T; bytes: number }> {
		const before = (await this.wire.at(place)).bytes;
		const result = await act();
		await sleep(250);
		return { result, bytes: (await this.wire.at(place)).bytes - before };
	}

	/** The MAC address of an interface, in hex. */
	mac(netns: string, link: string): string {
		const [shown] = JSON.parse(must("ip", "-n", netns, "-j", "link", "show", link)) as { address: string }[];
		return (shown?.address ?? "").replaceAll(":", "");
	}
}

/** Sets a value below /proc/sys/net in one of the two namespaces. */
export function set(stage: Stage, where: "client" | "server", name: string, value: string): void {
	const netns = stage.world.network[where];
	must("nsenter", `--net=/run/netns/${netns}`, "sh", "-c", `echo ${value} > /proc/sys/net/${name}`);
}

export function question(name: string, type: "A" | "AAAA" | "TXT" = "A", id = 1): Buffer {
	return Buffer.from(encode({ type: "query", id, flags: 0x0100, questions: [{ type, name, class: "IN" }] }));
}
