/**
 * Checks of the service on a real systemd: checks.mjs PART FOLDER [vm]. PART is a function of `parts` below or a file of rows/. FOLDER
 * has the packages. With `vm` the host is a virtual machine: checks may change its clock, memory and mounts.
 */
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { check, decides } from "./check.mjs";
import {
	ENFORCE,
	enforce,
	makeOutside,
	must,
	policy,
	property,
	reach,
	run,
	running,
	settings,
	status,
	until,
} from "./host.mjs";
import { PORTS } from "./outside-addresses.mjs";
import { removal } from "./removal.mjs";

const [part = "", folder = "", kind] = process.argv.slice(2);
const machine = kind === "vm";
/** @param {string} version */
const packages = (version) => `${folder}/sallyport_${version}_amd64.deb`;
const HERE = import.meta.dirname;
/** @type {import("./host.mjs").Outside} */
let outside = async () => ({});

/** @type {Record<string, () => Promise<void>>} */
const parts = {
	/** The state after an installation. */
	async install() {
		outside = await makeOutside(HERE);
		await check("the package has started the service, and its policy only observes", async () => {
			const {
				adopted,
				policy: { mode },
			} = await running();
			assert.equal(mode, "observe");
			assert.equal(reach(PORTS.denied), "data");
			return `adopted the policy of the early unit: ${adopted}; ${property("sallyport", "StatusText")}`;
		});
		await check("doctor finds no failure", () => {
			const { code, out } = run("sallyport", "doctor", "--json");
			/** @type {{ findings: { check: string, result: string }[] }} */
			const { findings } = JSON.parse(out);
			assert.equal(code, 0, out);
			return findings
				.filter(({ result }) => result === "warning")
				.map((each) => each.check)
				.join(", ");
		});
		await check("systemctl reload brings the policy into force", async () => {
			policy(ENFORCE);
			must("systemctl", "reload", "sallyport");
			await until("mode enforce", 30, () => status().policy.mode === "enforce");
			await decides();
		});
		await check(
			"systemctl reload fails for a broken policy, the journal has an error, the policy before decides",
			async () => {
				policy("nonsense: [");
				assert.notEqual(run("systemctl", "reload", "sallyport").code, 0);
				const errors = () => run("journalctl", "-u", "sallyport", "-p", "err", "-n", "5", "-o", "cat").out;
				await until("an error in the journal", 20, () => errors().includes("policy refused"));
				await decides();
				policy(ENFORCE);
				must("systemctl", "reload", "sallyport");
			},
		);
		await check("journalctl SALLYPORT_VERDICT=deny finds the denial, with its fields", async () => {
			const entry = await until("an entry", 20, () => {
				const line = run(
					"journalctl",
					"-o",
					"json",
					"-n",
					"1",
					"SALLYPORT_VERDICT=deny",
					`SALLYPORT_PORT=${PORTS.denied}`,
				).out.trim();
				return line === "" ? null : JSON.parse(line);
			});
			assert.equal(entry.SALLYPORT_PORT, String(PORTS.denied));
			assert.equal(entry.SALLYPORT_PHASE, "connect");
			return entry.MESSAGE;
		});
	},

	/** The early unit, after a boot. */
	async boot() {
		await check("the early unit was done before network-pre.target and before the daemon", () => {
			/** @param {string} unit @param {string} name seconds since power-on */
			const at = (unit, name) => Number(property(unit, name)) / 1e6;
			const began = at("sallyport-early", "InactiveExitTimestampMonotonic");
			const done = at("sallyport-early", "ActiveEnterTimestampMonotonic");
			const network = at("network-pre.target", "ActiveEnterTimestampMonotonic");
			assert.ok(done > 0 && done <= network, `${done} s, network-pre.target ${network} s`);
			return `took ${(done - began).toFixed(2)} s, done at ${done.toFixed(2)} s of ${network.toFixed(2)} s to network-pre.target`;
		});
		await check(
			"the daemon has adopted its policy, and earlier attempts were denied, on an interface that is up",
			async () => {
				const { adopted, denied } = await running();
				assert.equal(adopted, true);
				assert.ok(denied > 0, `${denied} denied`);
				assert.match(must("ip", "-o", "-4", "addr", "show", "up"), /10\.0\.2\.15/);
				return property("sallyport", "StatusText");
			},
		);
		outside = await makeOutside(HERE);
		await check("it decides", () => decides());
		/* Some of the later parts suspend the policy. */
		must("systemctl", "stop", "beacon");
	},

	/** Leaves the next boot without a valid policy. */
	async spoil() {
		settings({ SALLYPORT_ON_BOOT: "closed" });
		policy("nonsense: [");
		must("systemctl", "stop", "sallyport");
		rmSync("/var/lib/sallyport/last-good");
	},

	/** After a boot without a valid policy and with on_boot closed. */
	async closed() {
		outside = await makeOutside(HERE);
		await check("on_boot closed: without a valid policy only loopback works", async () => {
			assert.equal(reach(PORTS.allowed), "denied");
			assert.equal(reach(PORTS.denied), "denied");
			return must("journalctl", "-u", "sallyport-early", "-o", "cat", "-b")
				.split("\n")
				.find((line) => line.startsWith("In force"));
		});
		policy(ENFORCE);
		run("systemctl", "reset-failed");
		must("systemctl", "restart", "sallyport");
		await check("a valid policy opens it again", () => decides());
		await removal();
	},
};

/**
 * Runs a file of rows/ on a host that enforces a policy.
 *
 * @typedef {{ outside: import("./host.mjs").Outside, folder: string, machine: boolean }} Setting
 * @param {string} name
 */
async function row(name) {
	if (!existsSync("/usr/bin/sallyport")) must("dpkg", "-i", packages("0.1.0"));
	const { rows } = await import(`./rows/${name}.mjs`);
	await enforce();
	await rows({ outside, folder, machine });
}

const body = parts[part];
if (body !== undefined) {
	await body();
} else {
	outside = await makeOutside(HERE);
	await row(part);
}
process.exit();
