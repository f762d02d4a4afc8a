/** The environment of the loops: namespaces with AnyIP on loopback, three cgroups, and one loop process for each variant. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Cgroup } from "../support/cgroup.ts";
import { Daemon } from "../support/daemon.ts";
import { addNamespace, NETNS_PREFIX } from "../support/netns.ts";
import { must } from "../support/run.ts";
import { World } from "../support/world.ts";
import { attachPass, loadNft } from "./baselines.ts";
import { Loop } from "./loop.ts";
import { prefixFile, prefixPolicy } from "./prefixes.ts";

export const FEW = 10;
export const MANY = 1_000_000;
/** A port without a listener. The watched loop's connects to it are denied. */
const DENIED_PORT = 20_013;

export interface BenchEnvironment {
	readonly world: World;
	readonly daemon: Daemon;
	/** Policy texts. */
	readonly few: string;
	readonly many: string;
	readonly loops: Record<"nothing" | "watched" | "nftables" | "return1", Loop>;
}

export async function prepare(say: (what: string) => void): Promise<BenchEnvironment> {
	say("namespaces, cgroups, prefix lists");
	const world = await World.make();
	try {
		const { folder, cleanup } = world;
		const program = compileLoops(folder);
		const [few, many] = [FEW, MANY].map((count) =>
			prefixPolicy(prefixFile(folder, count), [{ name: "nobody", action: "deny", to: { ports: DENIED_PORT } }]),
		);
		const plain = loopbackNamespace("b", world);
		const filtered = loopbackNamespace("n", world);
		say("nftables with a set of 100,000");
		loadNft(filtered, join(folder, `prefixes-${MANY}.txt`), folder);
		const [free, pass] = [Cgroup.make(cleanup), Cgroup.make(cleanup)];
		mkdirSync(join(folder, "bpf/pass"));
		attachPass(pass, folder, join(folder, "bpf"));
		say(`the daemon with ${MANY.toLocaleString("en")} prefixes`);
		const daemon = await Daemon.start(world, many ?? "");
		const loops = {
			nothing: await Loop.start(program, plain, free, 20_000, cleanup),
			watched: await Loop.start(program, plain, world.cgroup, 20_010, cleanup),
			nftables: await Loop.start(program, filtered, free, 20_020, cleanup),
			return1: await Loop.start(program, plain, pass, 20_030, cleanup),
		};
		return { world, daemon, few: few ?? "", many: many ?? "", loops };
	} catch (error) {
		world.cleanup.run();
		throw error;
	}
}

export function compileLoops(folder: string): string {
	const program = join(folder, "loops");
	must("cc", "-O2", "-Wall", "-o", program, join(import.meta.dirname, "loops.c"));
	return program;
}

export function loopbackNamespace(suffix: string, world: World): string {
	const ns = addNamespace(`${NETNS_PREFIX}${process.pid}-${suffix}`, world.cleanup);
	must("ip", "-n", ns, "route", "add", "local", "198.18.0.0/15", "dev", "lo");
	return ns;
}
