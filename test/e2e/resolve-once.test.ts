/** nginx resolves the name of an upstream once. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { DNS4 } from "../support/addresses.ts";
import { debianProgram } from "../support/debian-program.ts";
import { policy } from "../support/policies.ts";
import { end, SLOW, sleep, until } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { ZONE } from "../support/zones.ts";

const NGINX = debianProgram("nginx", "/usr/sbin/nginx");
const NAME = "upstream.good.test";
const NAME4 = "198.19.43.1";
const GRACE = Math.ceil(SLOW / 4);
const EXPIRED = (GRACE + 5) * 1000;
const POLICY = policy({
	rules: [
		{ name: "loopback", to: { cidr: "127.0.0.0/8" } },
		{ name: "upstream", to: { domain: NAME, ports: PORTS.http } },
	],
	more: { resolvers: [DNS4], ttl: { floor: 0, grace: GRACE } },
});

let stage: Stage | null = null;
afterEach(() => {
	stage?.close();
	stage = null;
});

async function start(how: string): Promise<Stage> {
	const own = await Stage.make(POLICY, { start: false, flags: ["--warm-up", how] });
	stage = own;
	await own.world.server.zone({ ...ZONE, [NAME]: [{ type: "A", data: NAME4, ttl: 2 }] });
	own.daemon.inClient = true;
	await own.daemon.start();
	return own;
}

function background({ world }: Stage, [command = "", ...args]: readonly string[]): void {
	const child = spawn(command, args, { stdio: "ignore", env: cleanEnvironment() });
	world.cleanup.defer(`${args.join(" ")} ${child.pid}`, () => void end(child.pid));
}

test.each([
	["resolve", "200"],
	["none", "502"],
])("nginx with the name of an upstream, warm-up %s: %s after the answer's lifetime", async (how, later) => {
	const own = await start(how);
	const folder = join(own.world.folder, "nginx");
	mkdirSync(folder);
	const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
		(each) => `${each}_temp_path ${folder}/${each};`,
	);
	writeFileSync(
		join(folder, "nginx.conf"),
		`daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http { access_log off; ${temporary.join(" ")}
  server { listen 127.0.0.1:8080; location / { proxy_pass http://${NAME}/; proxy_connect_timeout 2s; } } }\n`,
	);
	background(
		own,
		own.world.argv([...NGINX, "-e", `${folder}/error.log`, "-p", folder, "-c", join(folder, "nginx.conf")]),
	);
	const status = async () => {
		const curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "5", "http://127.0.0.1:8080/"];
		return (await own.world.run(curl)).stdout;
	};
	await until("nginx serves", 5_000, async () => (await status()) === "200" || undefined);
	await sleep(EXPIRED);
	expect(await status()).toBe(later);
});
