/** A stage with a wire that is watched, and what the rows do on it. */
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

/** What clients/script.c prints, and the other small clients too. */
export interface Scripted {
	readonly pid: number;
	/** "0" if every step worked. */
	readonly errno: string;
	readonly step: string;
	/** What was received, in hex. */
	readonly read: string;
}

export interface Where {
	/** A cgroup below the watched one. */
	readonly below?: string;
	/** Another network namespace than the client's. */
	readonly netns?: string;
	readonly uid?: number;
}

export const DATA = Buffer.from("not for you").toString("hex");

export class Fixture {
	readonly stage: Stage;
	readonly wire: Wire;
	/** False: policies are put in mode observe, to see that what is tried arrives when nothing stops it. */
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

	/** A policy in the row's own way; in a trial run it blocks nothing. */
	put(policy: string): Promise<void> {
		return this.stage.daemon.put(this.blocking ? policy : policy.replace('"mode": "enforce"', '"mode": "observe"'));
	}

	/** clients/script.c in the watched cgroup. */
	script(type: string, steps: readonly string[], where: Where = {}): Promise<Scripted> {
		return this.small("script", [type, ...steps], where);
	}

	/** The same at the other end of the wire, where nothing is watched. */
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

	/** Ask a resolver for a name, as a program that has its own DNS code; the answer in hex, or "". */
	async ask(name: string, options: { resolver?: string; type?: "A" | "AAAA"; id?: number } = {}): Promise<string> {
		const { resolver = DNS4, type = "A", id = 1 } = options;
		const asked = question(name, type, id).toString("hex");
		return (await this.script("udp4", [`connect=${resolver},53`, `send=${asked}`, "read=1000"])).read;
	}

	/** Questions for names that nobody asked for before (`KIND0.gen.test` and so on), each with its answer. */
	async askMany(kind: string, family: number, count: number): Promise<void> {
		const { world } = this.stage;
		const argv = [world.client("dnsconnect"), "query", String(family), DNS4, kind, "0", String(count), "9"];
		await world.run(argv, { timeout: 60_000 });
	}

	/** Say a hello to an address, and wait a moment for what the other side says to it. */
	hello(address: string, bytes: Buffer, port: number = PORTS.tls): Promise<Scripted> {
		const type = address.includes(":") ? "tcp6" : "tcp4";
		return this.script(type, [`connect=${address},${port}`, `send=${bytes.toString("hex")}`, "read=300"]);
	}

	/** Names with addresses of the row's own choice, beside those that are there. */
	zone(extra: Zone): Promise<void> {
		return this.stage.world.server.zone({ ...ZONE, ...extra });
	}

	/** What arrived at one place while something was done: for places that others use too. */
	async during<T>(place: Place, act: () => Promise<T>): Promise<{ result: T; bytes: number }> {
		const before = (await this.wire.at(place)).bytes;
		const result = await act();
		await sleep(250);
		return { result, bytes: (await this.wire.at(place)).bytes - before };
	}

	/** An interface's Ethernet address, in hex. */
	mac(netns: string, link: string): string {
		const [shown] = JSON.parse(must("ip", "-n", netns, "-j", "link", "show", link)) as { address: string }[];
		return (shown?.address ?? "").replaceAll(":", "");
	}
}

/** A setting below /proc/sys/net of one of the two namespaces. */
export function set(stage: Stage, where: "client" | "server", name: string, value: string): void {
	const netns = stage.world.network[where];
	must("nsenter", `--net=/run/netns/${netns}`, "sh", "-c", `echo ${value} > /proc/sys/net/${name}`);
}

export function question(name: string, type: "A" | "AAAA" | "TXT" = "A", id = 1): Buffer {
	return Buffer.from(encode({ type: "query", id, flags: 0x0100, questions: [{ type, name, class: "IN" }] }));
}
