/** Connections to an address that NAT of this host rewrites after connect(): a published port, a service address. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { nft } from "../support/nft.ts";
import { policy } from "../support/policies.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { BAD4, WWW4 } from "../support/zones.ts";

const SERVICE = "198.19.250.20";
const PUBLISHED = "127.0.0.1";

let stage: Stage;
let remove: () => void;
beforeAll(async () => {
	stage = await Stage.make(makePolicy([SERVICE, PUBLISHED]));
	remove = nft(
		stage.world.network,
		"client",
		`add chain ip sallyport_test out { type nat hook output priority -100; };
		add chain ip sallyport_test post { type nat hook postrouting priority 100; };
		add rule ip sallyport_test out ip daddr ${SERVICE} tcp dport 80 dnat to ${WWW4}:${PORTS.sink};
		add rule ip sallyport_test out ip daddr ${PUBLISHED} tcp dport 80 dnat to ${BAD4}:${PORTS.sink};
		add rule ip sallyport_test post ip saddr 127.0.0.0/8 oifname "up0" masquerade`,
	);
	await stage.world.run(["sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"]);
});
afterAll(() => {
	remove?.();
	stage?.close();
});

function makePolicy(addresses: readonly string[]): string {
	return policy({ rules: [{ name: "to", to: { cidr: addresses } }] });
}

for (const [what, address] of [
	["a service address", SERVICE],
	["a published port, whose source is rewritten too", PUBLISHED],
] as const) {
	test(`${what}: the real destination must be allowed; else one record and an error at once`, async () => {
		const denied = await stage.probe(["tcp", address, 80]);
		expect(denied.errno).toBe("ECONNABORTED");
		expect(await stage.record({ address, verdict: "deny", pid: denied.pid })).toBeDefined();
		expect(await stage.records({ pid: denied.pid })).toHaveLength(1);
		await stage.daemon.put(makePolicy([SERVICE, PUBLISHED, WWW4, BAD4]));
		const allowed = await stage.probe(["tcp", address, 80, "text"]);
		expect(allowed.errno).toBe("0");
		expect(await stage.record({ address, verdict: "allow", pid: allowed.pid })).toBeDefined();
		expect(await stage.records({ pid: allowed.pid })).toHaveLength(1);
		await stage.daemon.put(makePolicy([SERVICE, PUBLISHED]));
	});
}
