/** X1 to X3: a socket that changes its peer or its process, and data in the SYN. */
import { CLIENT4 } from "../support/addresses.ts";
import { Cgroup } from "../support/cgroup.ts";
import { sleep } from "../support/run.ts";
import { PORTS } from "../support/stage.ts";
import { DATA, set } from "./fixture.ts";
import { hello } from "./hellos.ts";
import { byName } from "./policies.ts";
import type { Row } from "./row.ts";
import { attemptAt } from "./sockets.ts";

const { echo } = PORTS;

export const SOCKET_REUSE: readonly Row[] = [
	{
		id: "X1a",
		title: "TCP: connected to an allowed host, disconnected (AF_UNSPEC), connected to another",
		kind: "stop",
		who: "reader of connect(2)",
		run: async (fixture, { good, evil }) => {
			const steps = [`connect=${good.v4},${echo}`, `send=${DATA}`, "wait=50", "unspec", `connect=${evil.v4},${echo}`];
			return attemptAt([{ address: evil.v4 }], await fixture.script("tcp4", [...steps, `send=${DATA}`]));
		},
	},
	{
		id: "X1b",
		title: "an accepted socket, disconnected, connected outwards",
		kind: "stop",
		who: "reader of our source",
		run: async (fixture, { evil }) => {
			const own = fixture.script("tcp4", [
				"reuse",
				`bind=0.0.0.0,46000`,
				"listen",
				"accept",
				"unspec",
				`connect=${evil.v4},${echo}`,
				`send=${DATA}`,
			]);
			await sleep(300);
			await fixture.far("tcp4", [`connect=${CLIENT4},46000`, "wait=300"]);
			return attemptAt([{ address: evil.v4 }], await own);
		},
	},
	{
		id: "X1c",
		title: "a listening socket, disconnected, connected outwards",
		kind: "stop",
		who: "reader of our source",
		run: async (fixture, { evil }) => {
			const steps = ["reuse", "bind=0.0.0.0,46001", "listen", "unspec", `connect=${evil.v4},${echo}`, `send=${DATA}`];
			return attemptAt([{ address: evil.v4 }], await fixture.script("tcp4", steps));
		},
	},
	{
		id: "X2",
		title: "a socket connected by a process outside the watched cgroup, handed over (SCM_RIGHTS)",
		kind: "stop",
		who: "a helper outside, where less than the host is watched",
		run: async (fixture, { evil }) => {
			const outside = Cgroup.make(fixture.stage.world.cleanup);
			const sent = await fixture.small("handover", [outside.path, evil.v4, String(echo), "not for you"]);
			return attemptAt([{ address: evil.v4 }], sent);
		},
	},
	{
		id: "X3a",
		title: "data in the SYN (TCP Fast Open) to another host",
		kind: "stop",
		run: async (fixture, { evil }) => {
			set(fixture.stage, "server", "ipv4/tcp_fastopen", "1539");
			const steps = ["nocookie", `fastopen=${evil.v4},${echo},${DATA}`, "read=300"];
			return attemptAt([{ address: evil.v4 }], await fixture.script("tcp4", steps));
		},
	},
	{
		id: "X3b",
		title: "a hello of another name in the SYN (TCP Fast Open)",
		kind: "stop",
		policy: byName,
		run: async (fixture, { good, evil }) => {
			set(fixture.stage, "server", "ipv4/tcp_fastopen", "1539");
			await fixture.ask(good.name);
			const steps = ["nocookie", `fastopen=${good.v4},${PORTS.tls},${hello(evil.name).toString("hex")}`, "read=300"];
			return attemptAt([{ address: good.v4 }], await fixture.script("tcp4", steps));
		},
	},
	{
		id: "X3c",
		title: "a hello of the allowed name in the SYN (TCP Fast Open)",
		kind: "pass",
		policy: byName,
		run: async (fixture, { good }) => {
			set(fixture.stage, "server", "ipv4/tcp_fastopen", "1539");
			await fixture.ask(good.name);
			const bytes = hello(good.name);
			const steps = ["nocookie", `fastopen=${good.v4},${PORTS.tls},${bytes.toString("hex")}`, "read=500"];
			const outcome = await fixture.script("tcp4", steps);
			return {
				...attemptAt([{ address: good.v4 }], outcome),
				ok: (await fixture.stage.bytesAt({ at: good.v4 })) === bytes.length,
			};
		},
	},
];
