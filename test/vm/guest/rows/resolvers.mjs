/** Without systemd-resolved: a static resolv.conf, a resolver that is not in it, and nscd. */
import assert from "node:assert/strict";
import { check } from "../check.mjs";
import { must, recordOf, run } from "../host.mjs";
import { as, cachedNamesAreRight, enforceNames, namesAreRight, resolveBy, trusts } from "../names.mjs";
import { NAMES, OUTSIDE } from "../outside-addresses.mjs";

export async function rows() {
	run("systemctl", "stop", "systemd-resolved", "nscd");
	resolveBy("files dns", "nameserver 192.0.2.53\n");
	await enforceNames();
	await check(
		"a static resolv.conf, changed while the daemon runs: names are right, no client is wrongly denied",
		async () => {
			await trusts("192.0.2.53");
			resolveBy("files dns", `nameserver ${OUTSIDE}\n`);
			await trusts(OUTSIDE);
			return namesAreRight("static", { asks: true });
		},
	);
	await check("a resolver that is not in resolv.conf is not trusted", async () => {
		resolveBy("files dns", "nameserver 192.0.2.53\n");
		await trusts("192.0.2.53");
		const script = `exec 3<>/dev/udp/${OUTSIDE}/53 && echo x >&3`;
		assert.notEqual(run("systemd-run", ...as("rogue.service").slice(1), "bash", "-c", script).code, 0);
		const { verdict, reason } = await recordOf({ unit: "rogue.service" });
		assert.equal(verdict, "deny");
		resolveBy("files dns", `nameserver ${OUTSIDE}\n`);
		await trusts(OUTSIDE);
		return reason;
	});
	await check("nscd queries for all clients: names are right, no client is wrongly denied", async () => {
		run("systemctl", "unmask", "nscd");
		must("systemctl", "start", "nscd");
		must("nscd", "--invalidate=hosts");
		const seen = await namesAreRight("nscd", { asks: false });
		const { unit } = await recordOf({ kind: "dns", name: NAMES.allowed });
		assert.equal(unit, "nscd.service");
		return `${seen}; client: ${unit}`;
	});
	await check("names in the cache of nscd before Sallyport started are allowed", cachedNamesAreRight);
	run("systemctl", "stop", "nscd");
}
