/** Reinstallation, and the .rpm: installed, upgraded under load and removed by rpm, which spawn.ts installs for this. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { check, decides, underLoad } from "../check.mjs";
import { ENFORCE, enforce, must, NODE, POLICY_FILE, property, run, running } from "../host.mjs";

const UNITS = ["sallyport", "sallyport-early"];

function enabled() {
	for (const unit of UNITS) assert.equal(run("systemctl", "is-enabled", unit).out.trim(), "enabled", unit);
}

/** @param {import("../checks.mjs").Setting} setting */
export async function rows({ folder, outside }) {
	/** @param {string} version */
	const file = (version) => `${folder}/sallyport-${version}-1.x86_64.rpm`;
	/* --nodeps: the rpm database of this host has no packages. */
	/** @param {string} what @param {string} name */
	const rpm = (what, name) => must("rpm", "--nodeps", what, name);
	await check("dpkg -i over itself, and after dpkg -r: the service runs and is enabled", async () => {
		must("dpkg", "-i", `${folder}/sallyport_0.1.0_amd64.deb`);
		await running();
		await decides("over itself");
		must("dpkg", "-r", "sallyport");
		assert.equal(existsSync("/sys/fs/bpf/sallyport"), false);
		must("dpkg", "-i", `${folder}/sallyport_0.1.0_amd64.deb`);
		await running();
		await decides("after removal");
		enabled();
	});
	await check("a disabled service stays disabled over an upgrade and a removal", async () => {
		must("systemctl", "disable", "--now", "sallyport", "sallyport-early");
		must("dpkg", "-i", `${folder}/sallyport_0.1.1_amd64.deb`);
		must("dpkg", "-r", "sallyport");
		must("dpkg", "-i", `${folder}/sallyport_0.1.1_amd64.deb`);
		for (const unit of UNITS) assert.equal(run("systemctl", "is-enabled", unit).out.trim(), "disabled");
		assert.equal(property("sallyport", "ActiveState"), "inactive");
	});
	must("dpkg", "-P", "sallyport");
	must("sh", "-c", `dpkg --force-depends -i ${folder}/rpm/*.deb`);
	await check("rpm: every host with systemd meets its requirements", () => {
		const needed = must("rpm", "-qp", "--requires", file("0.1.0")).trim().split("\n");
		const others = needed.filter((each) => !/^(rpmlib|config)\(|^\/bin\/sh$/.test(each));
		assert.deepEqual([...new Set(others.map((each) => each.split(" ")[0]))].sort(), ["glibc", "libstdc++", "systemd"]);
		return [...new Set(others)].join(", ");
	});
	await check("rpm -i starts the service, and its policy only observes", async () => {
		rpm("-i", file("0.1.0"));
		const { policy, version } = await running();
		assert.deepEqual([policy.mode, version], ["observe", "0.1.0"]);
		enabled();
		return property("sallyport", "StatusText");
	});
	await enforce();
	await check("rpm -U to a higher version under load keeps the changed policy", () =>
		underLoad(outside, async () => {
			rpm("-U", file("0.1.1"));
			assert.equal((await running()).version, "0.1.1");
			assert.equal(readFileSync(POLICY_FILE, "utf8"), ENFORCE);
		}),
	);
	await check("rpm -U of the same version again changes nothing", async () => {
		must("rpm", "--nodeps", "-U", "--replacepkgs", file("0.1.1"));
		await running();
		await decides();
		/* Only the changed file differs from the package. */
		const { out } = run("rpm", "-V", "--nodeps", "sallyport");
		assert.deepEqual(
			out.split("\n").flatMap((line) => line.split(/\s+/).at(-1) || []),
			[POLICY_FILE],
		);
	});
	await check("rpm -e leaves nothing in the kernel, and the policy as .rpmsave", () => {
		rpm("-e", "sallyport");
		assert.equal(existsSync("/sys/fs/bpf/sallyport"), false);
		assert.doesNotMatch(must("bpftool", "cgroup", "tree"), /\s(egress|connect4)\s*$/m, "no programs of these names");
		assert.equal(existsSync(NODE), false);
		assert.deepEqual(readdirSync("/etc/sallyport"), ["policy.yaml.rpmsave"]);
		const units = readdirSync("/usr/lib/systemd/system").filter((name) => name.startsWith("sallyport"));
		assert.deepEqual(units, []);
	});
	for (const path of ["/etc/sallyport", "/var/lib/sallyport"]) rmSync(path, { recursive: true, force: true });
}
