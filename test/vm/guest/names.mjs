/** A policy by names, clients that resolve in different ways, and the records of both. */
import assert from "node:assert/strict";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { enforce, must, reach, recordOf, running, status, until } from "./host.mjs";
import { ADDRESSES, NAMES, PORTS } from "./outside-addresses.mjs";

export const BY_NAME = `version: 1
mode: enforce
defaults: { dns: allow, connect: deny }
groups:
  - name: names
    priority: 10
    rules:
      - { name: loopback, action: allow, to: { cidr: [127.0.0.0/8, "::1/128"] } }
      - { name: by-name, action: allow, to: { domain: [${NAMES.allowed}, ${NAMES.alias}], ports: ${PORTS.allowed}, protocol: tcp } }
`;

/**
 * Sets how programs of this host resolve names.
 *
 * @param {string} hosts the line of nsswitch.conf
 * @param {string | { link: string }} resolv text of resolv.conf, or the target of a link
 */
export function resolveBy(hosts, resolv) {
	const lines = must("cat", "/etc/nsswitch.conf").split("\n");
	writeFileSync(
		"/etc/nsswitch.conf",
		lines.map((line) => (line.startsWith("hosts:") ? `hosts: ${hosts}` : line)).join("\n"),
	);
	rmSync("/etc/resolv.conf", { force: true });
	if (typeof resolv !== "string") symlinkSync(resolv.link, "/etc/resolv.conf");
	else writeFileSync("/etc/resolv.conf", resolv);
}

export const enforceNames = () => enforce(BY_NAME);

/** @param {string} address */
export const trusts = (address) => until(`${address} is trusted`, 20, () => status().resolvers.includes(address));

/**
 * Runs each attempt in its own unit, which identifies the client in records.
 *
 * @param {string} unit
 */
export const as = (unit) => ["systemd-run", "-q", "--wait", "--collect", "--pipe", `--unit=${unit}`];

/**
 * Asserts that allowed names are allowed, that others are denied, and that records have the right names.
 *
 * @param {string} label of the units
 * @param {{ asks: boolean }} options asks: the program itself sends the DNS query
 */
export async function namesAreRight(label, { asks }) {
	const units = {
		allowed: `${label}-allowed.service`,
		alias: `${label}-alias.service`,
		denied: `${label}-denied.service`,
	};
	assert.equal(reach(PORTS.allowed, as(units.allowed), NAMES.allowed), "data", "the allowed name");
	assert.equal(reach(PORTS.allowed, as(units.alias), NAMES.alias), "data", "its alias");
	assert.equal(reach(PORTS.allowed, as(units.denied), NAMES.denied), "denied", "another name");
	const seen = [];
	/** @type {[unit: string, address: string, names: string[]][]} */
	const expected = [
		[units.allowed, ADDRESSES.allowed, asks ? [NAMES.allowed] : [NAMES.alias, NAMES.allowed]],
		[units.alias, ADDRESSES.allowed, asks ? [NAMES.alias] : [NAMES.alias, NAMES.allowed]],
		[units.denied, ADDRESSES.denied, [NAMES.denied]],
	];
	for (const [unit, address, names] of expected) {
		const { name, verdict } = await recordOf({ unit, remote: address, kind: "connection" });
		assert.ok(names.includes(name ?? ""), `${unit} is recorded as ${name}`);
		assert.equal(verdict, unit === units.denied ? "deny" : "allow", unit);
		seen.push(`${unit}: ${name} (${verdict})`);
	}
	return seen.join(", ");
}

/** The same when a cache of the host had the name before Sallyport started. */
export async function cachedNamesAreRight() {
	must("systemctl", "stop", "sallyport");
	must("sallyport", "detach");
	assert.equal(reach(PORTS.allowed, as("before.service"), NAMES.allowed), "data");
	must("systemctl", "start", "sallyport");
	await running();
	return namesAreRight("cached", { asks: false });
}

/**
 * Counts of DNS queries by unit, from `sallyport names NAME`.
 *
 * @param {string} name
 * @returns {Record<string, number>}
 */
export function questionsBy(name) {
	/** @type {{ askedBy: { unit: string, questions: number }[] }} */
	const { askedBy } = JSON.parse(must("sallyport", "names", name, "--json", "--since", "5m"));
	return Object.fromEntries(askedBy.map(({ unit, questions }) => [unit, questions]));
}
