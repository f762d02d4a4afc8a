/** Without systemd-resolved: a static resolv.conf, a resolver that it does not name, and nscd. */
import assert from "node:assert/strict";
import { check } from "../check.mjs";
import { must, recordOf, run } from "../host.mjs";
import { as, cachedNamesAreRight, enforceNames, namesAreRight, resolveBy, trusts } from "../names.mjs";
import { NAMES, OUTSIDE } from "../places.mjs";

export async function rows() {
	run("systemctl", "stop", "systemd-resolved", "nscd");
	resolveBy("files dns", "nameserver 192.0.2.53\n");
	await enforceNames();
	await check("a static resolv.conf, changed while it runs: names are right, nobody is wrongly denied", async () => {
		await trusts("192.0.2.53");
		resolveBy("files dns", `nameserver ${OUTSIDE}\n`);
		await trusts(OUTSIDE);
		return namesAreRight("static", { asks: true });
	});
	await check("a resolver that resolv.conf does not name is no resolver", async () => {
		resolveBy("files dns", "nameserver 192.0.2.53\n");
		await trusts("192.0.2.53");
		const script = `exec 3<>/dev/udp/${OUTSIDE}/53 && echo x >&3`;
		assert.notEqual(run(...as("rogue.service"), "bash", "-c", script).code, 0);
		const { verdict, reason } = await recordOf({ unit: "rogue.service" });
		assert.equal(verdict, "deny");
		resolveBy("files dns", `nameserver ${OUTSIDE}\n`);
		await trusts(OUTSIDE);
		return reason;
	});
	await check("nscd asks for everybody: names are right, nobody is wrongly denied", async () => {
		run("systemctl", "unmask", "nscd");
		must("systemctl", "start", "nscd");
		must("nscd", "--invalidate=hosts");
		const seen = await namesAreRight("nscd", { asks: false });
		const { unit } = await recordOf({ kind: "dns", name: NAMES.allowed });
		assert.equal(unit, "nscd.service");
		return `${seen}; who asked: ${unit}`;
	});
	await check("what nscd had in its cache when Sallyport came is allowed", cachedNamesAreRight);
	run("systemctl", "stop", "nscd");
}
