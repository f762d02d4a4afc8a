/** The API over a connection table with a few records. */
import type { FastifyInstance } from "fastify";
import { SOCKET_ACCESS } from "../../../src/api/access.ts";
import { type AppOptions, buildApp } from "../../../src/api/app.ts";
import { SocketFile } from "../../../src/api/socket-file.ts";
import { jsonLogger } from "../../../src/base/logger.ts";
import { END, HOOK, PROTOCOL, REASON, VERDICT } from "../../../src/native/layout.ts";
import { answer, cgroupEvent, connect, end, hello, processEvent, question } from "./events.ts";
import type { FakeServices } from "./services.ts";
import type { TableHarness } from "./table-harness.ts";

/** 1: allowed by name, ended. 2: denied, IPv6, port 25. 3: UDP, would be denied, open. 4: a DNS query. */
export function fill(harness: TableHarness): void {
	harness.rules.set("1 0", { group: "web", name: "api" });
	harness.rules.set("1 1", { group: "base", name: "no-smtp" });
	harness.feed(
		processEvent({ uid: 0 }),
		cgroupEvent("system.slice/agent.service/"),
		connect({ cookie: 1n, time: 1e9, remote: "192.0.2.1" }),
		hello("api.example.com", { cookie: 1n, time: 1.1e9, rule: 0, reason: REASON.rule, nameHash: 5n }),
		connect({
			cookie: 2n,
			time: 2e9,
			remote: "2001:db8::5",
			remotePort: 25,
			verdict: VERDICT.deny,
			rule: 1,
			reason: REASON.rule,
			tgid: 77,
			uid: 1000,
			comm: "mail",
			cgroup: 0,
		}),
		connect({
			cookie: 3n,
			time: 3e9,
			remote: "198.51.100.7",
			remotePort: 5000,
			protocol: PROTOCOL.udp,
			hook: HOOK.sendmsg,
			verdict: VERDICT.wouldDeny,
		}),
		question("www.example.org", 28, { cookie: 4n, time: 4e9, nameHash: 9n }),
		answer("2001:db8::9", { cookie: 4n, time: 4.1e9, nameHash: 9n, ttl: 300 }),
		end(END.local, { cookie: 1n, time: 5e9, bytesOut: 10n }),
	);
}

export const quiet = jsonLogger(() => {}, { level: "error" });

export function openApi(services: FakeServices, options: Partial<AppOptions> = {}): Promise<FastifyInstance> {
	return buildApp({ services, log: quiet, version: "1.2.3", access: SOCKET_ACCESS, ...options });
}

/** Serves the API on a unix socket. */
export async function openSocket(app: FastifyInstance, path: string, gid: number | null): Promise<SocketFile> {
	const file = new SocketFile({ path, gid, log: quiet });
	await file.open(app);
	return file;
}
