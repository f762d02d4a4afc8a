/** systemd-resolved: started, queried in each way that programs have, and stopped. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { check } from "../check.mjs";
import { enforce, must, reach, recordOf, run, until } from "../host.mjs";
import {
	as,
	BY_NAME,
	cachedNamesAreRight,
	enforceNames,
	namesAreRight,
	questionsBy,
	resolveBy,
	trusts,
} from "../names.mjs";
import { NAMES, OUTSIDE, PORTS } from "../outside-addresses.mjs";

const STUB = { link: "/run/systemd/resolve/stub-resolv.conf" };
const BY_DNS = "files dns";
const BY_RESOLVED = "files resolve [!UNAVAIL=return]";
const SETTINGS = "/etc/systemd/resolved.conf.d/test.conf";
const RESOLVED = "systemd-resolved.service";

export async function rows() {
	rmSync(SETTINGS, { force: true });
	run("systemctl", "stop", RESOLVED);
	rmSync("/run/systemd/resolve", { recursive: true, force: true });
	resolveBy(BY_DNS, "");
	await enforceNames();

	await check("started after Sallyport: its servers are trusted", async () => {
		mkdirSync("/etc/systemd/resolved.conf.d", { recursive: true });
		writeFileSync(SETTINGS, `[Resolve]\nDNS=${OUTSIDE}\nFallbackDNS=\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\n`);
		run("systemctl", "unmask", RESOLVED);
		must("systemctl", "start", RESOLVED);
		await trusts(OUTSIDE);
	});
	await check("by DNS to its stub: names are right, no client is wrongly denied", () => {
		resolveBy(BY_DNS, STUB);
		return namesAreRight("stub", { asks: true });
	});
	await check("the client behind the stub is distinguished from systemd-resolved", async () => {
		const asked = await until("both are known", 20, () => {
			const by = questionsBy(NAMES.allowed);
			return by["stub-allowed.service"] && by[RESOLVED] ? by : null;
		});
		assert.equal(asked["stub-denied.service"], undefined, "the client of another name");
		return JSON.stringify(asked);
	});
	await check("a rule by unit in phase dns applies only to the program behind the stub", async () => {
		await enforce(
			BY_NAME.replace(
				"rules:",
				`rules:\n      - { name: unasked, action: deny, phases: [dns], from: { unit: curious.service }, to: { domain: ${NAMES.allowed} } }`,
			),
		);
		assert.notEqual(reach(PORTS.allowed, as("curious.service"), NAMES.allowed), "data");
		assert.equal(reach(PORTS.allowed, as("other.service"), NAMES.allowed), "data");
		await enforceNames();
	});
	await check("by nss-resolve, without their own DNS packets: the same names", () => {
		resolveBy(BY_RESOLVED, STUB);
		must("resolvectl", "flush-caches");
		return namesAreRight("nss", { asks: false });
	});
	await check("the Monitor interface reports answers without DNS to the daemon, which is not root", async () => {
		const { code } = await until("the subscription", 30, () =>
			run("journalctl", "-u", "sallyport", "-o", "cat", "--grep", "systemd-resolved tells what it answers", "-n", "1"),
		);
		assert.equal(code, 0);
		writeFileSync("/etc/hosts", `127.0.0.1 localhost guest\n${OUTSIDE} written.example\n`);
		await until("it has read /etc/hosts", 20, () => run("resolvectl", "query", "written.example").code === 0);
		assert.equal(reach(PORTS.allowed, as("written.service"), "written.example"), "denied");
		const { name, nameSource } = await recordOf({ unit: "written.service" });
		assert.equal(name, "written.example");
		return `${name}, by ${nameSource}; allowed by no rule for it`;
	});
	await check("names in its cache before Sallyport started are queried again, and allowed", cachedNamesAreRight);
	await check("a restart changes nothing", async () => {
		must("systemctl", "restart", RESOLVED);
		return namesAreRight("restarted", { asks: false });
	});
	await check("stopped, and resolv.conf names the server itself: the same", async () => {
		must("systemctl", "stop", RESOLVED);
		resolveBy(BY_DNS, `nameserver ${OUTSIDE}\n`);
		await trusts(OUTSIDE);
		return namesAreRight("off", { asks: true });
	});
}
