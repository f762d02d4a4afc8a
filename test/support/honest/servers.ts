/** Real servers for programs that people run, each in the server's namespace, and the names of the hosts that they stand for. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Background } from "../background.ts";
import { debianProgram } from "../debian-program.ts";
import { must } from "../run.ts";
import type { World } from "../world.ts";
import type { Zone } from "../zone.ts";

export const CHRONYD = debianProgram("chrony", "/usr/sbin/chronyd");
const TINYPROXY = debianProgram("tinyproxy", "/usr/bin/tinyproxy");

const HOSTS = ["openssl", "mail", "time", "repo", "behind", "web"] as const;
export type Host = (typeof HOSTS)[number];

/** Address of HOST.good.test. */
export const good = (host: Host) => `198.19.80.${HOSTS.indexOf(host) + 1}`;
/** Address of HOST.bad.test. */
export const bad = (host: Host) => `198.19.81.${HOSTS.indexOf(host) + 1}`;
export const PROXY4 = "198.19.82.1";
export const PORTS = { openssl: 4433, mail: 587, time: 123, repo: 8080, web: 443, proxy: 8888 } as const;

export const HONEST_ZONE: Zone = Object.fromEntries(
	HOSTS.flatMap((host) => [
		[`${host}.good.test`, [{ type: "A", data: good(host) }]],
		[`${host}.bad.test`, [{ type: "A", data: bad(host) }]],
	]),
);

/** Counts the packets that reach the hosts of bad.test. */
const COUNTER = `table ip honest {
	counter bad {}
	chain input { type filter hook input priority 0; ip daddr 198.19.81.0/24 counter name bad; }
}`;

export class HonestServers {
	readonly #world: World;
	readonly openssl: Background;
	readonly mail: Background;
	readonly repo: Background;
	readonly time: Background;
	readonly proxy: Background;

	constructor(world: World) {
		this.#world = world;
		must("ip", "netns", "exec", world.network.server, "nft", COUNTER);
		const { key, cert } = world.certificates;
		const at = (name: string) => join(world.folder, name);
		this.openssl = this.#serve([
			...["openssl", "s_server", "-accept", String(PORTS.openssl), "-key", key, "-cert", cert, "-www", "-msg"],
		]);
		this.mail = this.#serve(["python3", join(import.meta.dirname, "smtp-server.py"), String(PORTS.mail), key, cert]);
		makeMirror(at("mirror"));
		this.repo = this.#serve(["python3", "-u", "-m", "http.server", String(PORTS.repo), "--directory", at("mirror")]);
		const config = at("chrony.conf");
		writeFileSync(config, `local stratum 3\nallow all\ncmdport 0\nbindcmdaddress /\npidfile ${at("chronyd.pid")}\n`);
		this.time = this.#serve([...CHRONYD, "-x", "-d", "-u", "root", "-f", config]);
		this.proxy = this.#serve(tinyproxy(world, PORTS.proxy));
	}

	async ready(): Promise<void> {
		await this.openssl.printed("ACCEPT");
		await this.mail.printed("listening");
		await this.repo.printed("Serving HTTP");
		await this.time.printed("chronyd version");
		await this.proxy.printed("Accepting connections");
	}

	/** Packets that have reached the hosts of bad.test. */
	packetsAtBad(): number {
		const text = must("ip", "netns", "exec", this.#world.network.server, "nft", "list", "counters");
		return Number(/packets (\d+)/.exec(text)?.[1]);
	}

	#serve(argv: readonly string[]): Background {
		return new Background(this.#world.cleanup, this.#world.network.inServer(argv));
	}
}

/** argv of a proxy that allows any destination. It prints "Accepting connections". */
export function tinyproxy({ folder }: World, port: number): string[] {
	const config = join(folder, `tinyproxy-${port}.conf`);
	writeFileSync(config, `Port ${port}\nTimeout 10\nMaxClients 10\nLogLevel Info\n`);
	return [...TINYPROXY, "-d", "-c", config];
}

/** Two flat repositories with one package each, of which a policy may allow one by its path. */
function makeMirror(folder: string): void {
	for (const part of ["debian", "private"]) {
		const control = join(folder, "package/DEBIAN");
		mkdirSync(control, { recursive: true });
		mkdirSync(join(folder, part));
		const fields =
			"Package: honest\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@good.test>\nDescription: none\n";
		writeFileSync(join(control, "control"), fields);
		const file = join(folder, part, "honest.deb");
		must("dpkg-deb", "--build", join(folder, "package"), file);
		const [sum] = must("sha256sum", file).split(" ");
		const size = must("stat", "-c", "%s", file).trim();
		writeFileSync(
			join(folder, part, "Packages"),
			`${fields}Filename: ${part}/honest.deb\nSize: ${size}\nSHA256: ${sum}\n`,
		);
	}
}
