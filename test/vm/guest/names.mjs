/** Names: a policy by them, programs that resolve in one way or another, and what is recorded of it. */
import assert from "node:assert/strict";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { enforce, must, reach, recordOf, running, status, until } from "./host.mjs";
import { NAMES, PLACES, PORTS } from "./places.mjs";

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

/** How programs of this host find addresses: what nsswitch.conf says of hosts, and resolv.conf, a text or {link}. */
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

export const trusts = (address) => until(`${address} is trusted`, 20, () => status().resolvers.includes(address));

/** A unit of its own for each attempt: who asked shows by it. */
export const as = (unit) => ["systemd-run", "-q", "--wait", "--collect", "--pipe", `--unit=${unit}`];

/** Right names, and nobody wrongly denied; `asks`: the question is the program's own packet. Returns what was seen. */
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
	for (const [unit, address, names] of [
		[units.allowed, PLACES.allowed, asks ? [NAMES.allowed] : [NAMES.alias, NAMES.allowed]],
		[units.alias, PLACES.allowed, asks ? [NAMES.alias] : [NAMES.alias, NAMES.allowed]],
		[units.denied, PLACES.denied, [NAMES.denied]],
	]) {
		const { name, verdict } = await recordOf({ unit, remote: address, kind: "connection" });
		assert.ok(names.includes(name), `${unit} is shown as ${name}`);
		assert.equal(verdict, unit === units.denied ? "deny" : "allow", unit);
		seen.push(`${unit}: ${name} (${verdict})`);
	}
	return seen.join(", ");
}

/** The same after Sallyport came when a cache of the host had the name already. */
export async function cachedNamesAreRight() {
	must("systemctl", "stop", "sallyport");
	must("sallyport", "detach");
	assert.equal(reach(PORTS.allowed, as("before.service"), NAMES.allowed), "data");
	must("systemctl", "start", "sallyport");
	await running();
	return namesAreRight("cached", { asks: false });
}

/** Questions for the name by unit, as `sallyport names NAME` tells. */
export function questionsBy(name) {
	const { askedBy } = JSON.parse(must("sallyport", "names", name, "--json", "--since", "5m"));
	return Object.fromEntries(askedBy.map(({ unit, questions }) => [unit, questions]));
}
