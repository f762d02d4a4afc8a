/** Clients in units, slices, user sessions, containers and other network namespaces: each is identified, and a rule for it applies. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { check } from "../check.mjs";
import { enforce, must, reach, recordOf, run } from "../host.mjs";
import { OUTSIDE, PORTS } from "../outside-addresses.mjs";

const CONTAINER = "0123456789abcdef".repeat(4);
/** The outside address of the namespace `plain`. */
const PLAIN = "198.51.102.1";

/* Each rule allows one client, and the default denies: the rule that applied shows how the client was identified. */
const POLICY = `version: 1
mode: enforce
defaults: { dns: allow, connect: deny }
groups:
  - name: who
    priority: 10
    rules:
      - { name: loopback, action: allow, to: { cidr: [127.0.0.0/8, "::1/128"] } }
      - { name: never, action: deny, from: { unit: mine.service } }
      - { name: by-unit, action: allow, from: { unit: talker.service }, to: { cidr: ${OUTSIDE}, ports: ${PORTS.denied} } }
      - { name: by-slice, action: allow, from: { unit: own.slice }, to: { cidr: ${OUTSIDE}, ports: ${PORTS.denied} } }
      - { name: by-container, action: allow, from: { container: ${CONTAINER.slice(0, 12)} }, to: { cidr: ${PLAIN}, ports: ${PORTS.denied} } }
      - { name: by-machine, action: allow, from: { container: inner }, to: { cidr: ${PLAIN}, ports: ${PORTS.denied} } }
      - { name: by-manager, action: allow, from: { unit: user@1000.service }, to: { cidr: ${OUTSIDE}, ports: ${PORTS.denied} } }
      - { name: by-user, action: allow, from: { user: person }, to: { cidr: ${OUTSIDE}, ports: ${PORTS.denied} } }
`;

const UNIT = ["systemd-run", "-q", "--wait", "--collect", "--pipe"];
const AS_PERSON = ["runuser", "-u", "person", "--", "env", "XDG_RUNTIME_DIR=/run/user/1000"];

export async function rows() {
	if (run("id", "person").code !== 0) must("useradd", "-u", "1000", "-m", "person");
	makePlainNamespace();
	await enforce(POLICY);

	await check("a client that no rule names is denied (the control)", async () => {
		assert.equal(reach(PORTS.denied, [...UNIT, "--unit=nobody.service"]), "denied");
		const { unit, verdict } = await recordOf({ unit: "nobody.service" });
		return `${unit}: ${verdict}`;
	});
	await check("a unit, by its name", () =>
		allowed("by-unit", [...UNIT, "--unit=talker.service"], {
			unit: "talker.service",
			cgroup: "system.slice/talker.service",
		}),
	);
	await check("a unit in its own slice, by the slice", () =>
		allowed("by-slice", [...UNIT, "--slice=own", "--unit=sliced.service"], {
			unit: "sliced.service",
			cgroup: "own.slice/sliced.service",
		}),
	);
	await check("a scope", async () => {
		assert.equal(reach(PORTS.denied, ["systemd-run", "-q", "--scope", "--unit=talk.scope"]), "denied");
		return describe(await recordOf({ unit: "talk.scope" }), { verdict: "deny", reason: "default" });
	});
	await check("a service of another user (systemd-run --uid)", () =>
		allowed("by-user", [...UNIT, "--uid=person", "--unit=persons.service"], {
			unit: "persons.service",
			user: "person",
		}),
	);
	await check("a login session", () =>
		allowed("by-user", [...UNIT, "--uid=person", "-p", "PAMName=login"], {
			user: "person",
			unit: /^session-\w+\.scope$/,
		}),
	);
	await check("a user manager: its units are not system units", async () => {
		must("systemctl", "start", "user@1000.service");
		const mine = [...AS_PERSON, "systemd-run", "--user", "-q", "--wait", "--collect", "--pipe", "--unit=mine.service"];
		return allowed("by-manager", mine, {
			unit: "user@1000.service",
			user: "person",
			cgroup: /user@1000.service\/.*mine.service$/,
		});
	});
	await check("another network namespace (ip netns exec) is denied too", async () => {
		const talker = [...UNIT, "--unit=apart.service", "ip", "netns", "exec", "plain"];
		assert.equal(reach(PORTS.denied, talker, PLAIN), "denied");
		return describe(await recordOf({ unit: "apart.service" }), { verdict: "deny", remote: PLAIN });
	});
	await check("a container's cgroup with its own network, by the container's id", () =>
		allowed(
			"by-container",
			["systemd-run", "-q", "--scope", `--unit=docker-${CONTAINER}.scope`, "ip", "netns", "exec", "plain"],
			{ container: CONTAINER.slice(0, 12), unit: `docker-${CONTAINER}.scope` },
			PLAIN,
		),
	);
	await check("systemd-nspawn inside, by the machine's name", () => {
		if (!existsSync("/run/inner")) mkdirSync("/run/inner");
		if (run("mountpoint", "-q", "/run/inner").code !== 0) must("mount", "--bind", "/", "/run/inner");
		const inner = ["systemd-nspawn", "-q", "-D", "/run/inner", "--machine=inner", "--as-pid2", "--console=pipe"];
		try {
			return allowed(
				"by-machine",
				[...inner, "--network-namespace-path=/run/netns/plain"],
				{ container: "inner", unit: "machine-inner.scope" },
				PLAIN,
			);
		} finally {
			must("umount", "/run/inner");
		}
	});
}

/**
 * @param {string} rule that must have applied
 * @param {string[]} prefix of the client's command line
 * @param {Record<string, string | RegExp>} expected fields of the record
 * @param {string} [place] address
 */
async function allowed(rule, prefix, expected, place = OUTSIDE) {
	assert.equal(reach(PORTS.denied, prefix, place), "data");
	return describe(await recordOf({ rule }), { verdict: "allow", remote: place, ...expected });
}

/** @param {import("../host.mjs").Recorded} record @param {Record<string, string | RegExp>} expected */
function describe(record, expected) {
	const { unit, container, rule } = record;
	const { user } = record.process;
	for (const [field, value] of Object.entries(expected)) {
		const seen = /** @type {Record<string, unknown>} */ ({ ...record, user })[field];
		if (value instanceof RegExp) assert.match(String(seen), value, field);
		else assert.equal(seen, value, `${field} of ${JSON.stringify(record)}`);
	}
	return `${unit}, ${container === null ? "" : `container ${container}, `}user ${user}, rule ${rule ?? "default"}`;
}

/** Joined to the outside by its own veth pair. */
function makePlainNamespace() {
	if (existsSync("/run/netns/plain")) return;
	must("ip", "netns", "add", "plain");
	must("ip", "-n", "outside", "link", "add", "in1", "type", "veth", "peer", "name", "plain0", "netns", "plain");
	must("ip", "-n", "outside", "addr", "add", `${PLAIN}/24`, "dev", "in1");
	must("ip", "-n", "outside", "link", "set", "in1", "up");
	must("ip", "-n", "plain", "addr", "add", "198.51.102.2/24", "dev", "plain0");
	must("ip", "-n", "plain", "link", "set", "plain0", "up");
}
