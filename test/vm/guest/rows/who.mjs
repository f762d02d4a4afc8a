/** Who asks: units in slices of their own, user sessions, containers, other network namespaces. Each is seen, named and judged. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { check } from "../check.mjs";
import { enforce, must, reach, recordOf, run } from "../host.mjs";
import { OUTSIDE, PORTS } from "../places.mjs";

const CONTAINER = "0123456789abcdef".repeat(4);
/** Where the namespace `plain` gets out. */
const PLAIN = "198.51.102.1";

/* Each rule lets one of them through where the default denies: what decides shows as whom it was taken. */
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

	await check("without a name of its own it is denied (the control)", async () => {
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
	await check("a unit in a slice of its own, by the slice", () =>
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
	await check("a user's own manager: its units are no units of the system", async () => {
		must("systemctl", "start", "user@1000.service");
		const mine = [...AS_PERSON, "systemd-run", "--user", "-q", "--wait", "--collect", "--pipe", "--unit=mine.service"];
		return allowed("by-manager", mine, {
			unit: "user@1000.service",
			user: "person",
			cgroup: /user@1000.service\/.*mine.service$/,
		});
	});
	await check("another network namespace (ip netns exec) is denied like any other", async () => {
		const talker = [...UNIT, "--unit=apart.service", "ip", "netns", "exec", "plain"];
		assert.equal(reach(PORTS.denied, talker, PLAIN), "denied");
		return describe(await recordOf({ unit: "apart.service" }), { verdict: "deny", remote: PLAIN });
	});
	await check("a container's cgroup with a network of its own, by the container's id", () =>
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
		const inner = [
			"systemd-nspawn",
			"-q",
			"-D",
			"/run/inner",
			"--machine=inner",

			"--as-pid2",
			"--console=pipe",
		];
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

async function allowed(rule, prefix, expected, place = OUTSIDE) {
	assert.equal(reach(PORTS.denied, prefix, place), "data");
	return describe(await recordOf({ rule }), { verdict: "allow", remote: place, ...expected });
}

function describe(record, expected) {
	const { unit, container, rule } = record;
	const { user } = record.process;
	for (const [field, value] of Object.entries(expected)) {
		const seen = { ...record, user }[field];
		if (value instanceof RegExp) assert.match(seen, value, field);
		else assert.equal(seen, value, `${field} of ${JSON.stringify(record)}`);
	}
	return `${unit}, ${container === null ? "" : `container ${container}, `}user ${user}, rule ${rule ?? "default"}`;
}

/* Joined to the outside by a pair of its own. */
function makePlainNamespace() {
	if (existsSync("/run/netns/plain")) return;
	must("ip", "netns", "add", "plain");
	must("ip", "-n", "outside", "link", "add", "in1", "type", "veth", "peer", "name", "plain0", "netns", "plain");
	must("ip", "-n", "outside", "addr", "add", `${PLAIN}/24`, "dev", "in1");
	must("ip", "-n", "outside", "link", "set", "in1", "up");
	must("ip", "-n", "plain", "addr", "add", "198.51.102.2/24", "dev", "plain0");
	must("ip", "-n", "plain", "link", "set", "plain0", "up");
}
