/** Names between the early unit and the daemon, while the target of the resolv.conf link does not exist yet. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { check } from "../check.mjs";
import { must, property, reach, run, running } from "../host.mjs";
import { enforceNames, resolveBy, trusts } from "../names.mjs";
import { NAMES, OUTSIDE, PORTS } from "../outside-addresses.mjs";

const SETTINGS = "/etc/systemd/resolved.conf.d/test.conf";
const RESOLVED = "systemd-resolved.service";

export async function rows() {
	mkdirSync("/etc/systemd/resolved.conf.d", { recursive: true });
	writeFileSync(SETTINGS, `[Resolve]\nDNS=${OUTSIDE}\nFallbackDNS=\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\n`);
	resolveBy("files dns", { link: "/run/systemd/resolve/stub-resolv.conf" });
	run("systemctl", "unmask", RESOLVED);
	must("systemctl", "restart", RESOLVED);
	await enforceNames();
	try {
		await check("the servers of systemd-resolved are kept for the next boot", async () => {
			await trusts(OUTSIDE);
			const kept = readFileSync("/var/lib/sallyport/resolv.conf", "utf8");
			assert.match(kept, new RegExp(`^nameserver ${OUTSIDE.replaceAll(".", "\\.")}$`, "m"));
			return kept.trim();
		});
		await check("a boot: before the daemon starts, names resolve and denied names are denied", () => {
			must("systemctl", "stop", "sallyport", RESOLVED);
			rmSync("/run/systemd/resolve", { recursive: true, force: true });
			must("sallyport", "detach");
			must("systemctl", "restart", "sallyport-early");
			must("systemctl", "start", RESOLVED);
			assert.equal(reach(PORTS.allowed, [], NAMES.allowed), "data");
			assert.equal(reach(PORTS.allowed, [], NAMES.denied), "denied");
			assert.equal(property("sallyport", "ActiveState"), "inactive");
		});
	} finally {
		must("systemctl", "start", "sallyport");
		await running();
		run("systemctl", "stop", RESOLVED);
		run("systemctl", "mask", RESOLVED);
		rmSync(SETTINGS);
		resolveBy("files dns", `nameserver ${OUTSIDE}\n`);
	}
}
