/** Clients that close before the last packets: each connection is one record, with its process, and none stays open. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { records } from "../support/api.ts";
import { policy } from "../support/policies.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { settled } from "../support/storm.ts";

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ mode: "observe", defaults: { connect: "allow", tls: "allow", http: "allow" } }));
});
afterAll(() => stage?.close());

const COUNT = 100;
const REQUEST = "GET / HTTP/1.1\\r\\nHost: a.test\\r\\n\\r\\n";
/* The first bytes of a ClientHello, which is never complete. */
const HELLO = "\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xfc\\x03\\x03";

test.each([
	["a request is sent, and its response arrives", 1, PORTS.http, `printf '${REQUEST}' >&3`],
	["two requests are sent", 2, PORTS.http, `printf '${REQUEST}${REQUEST}' >&3`],
	["a ClientHello has begun", 3, PORTS.tls, `printf '${HELLO}' >&3`],
	["nothing is sent", 4, PORTS.echo, ":"],
	["bytes are sent that the server sends back", 5, PORTS.echo, "printf ping >&3"],
])("%s after the close", async (_, host, port, send) => {
	const address = `198.19.5.${host}`;
	const script = `for i in $(seq ${COUNT}); do exec 3<>/dev/tcp/${address}/${port}; ${send}; exec 3>&-; done`;
	expect(await stage.world.run(["bash", "-c", script])).toMatchObject({ code: 0 });
	/* The responses of the last ones. */
	await new Promise((resolve) => setTimeout(resolve, 500));
	await settled(stage.daemon);
	const seen = await records(stage.daemon, `&address=${address}`);
	expect(seen).toHaveLength(COUNT);
	expect(seen.filter(({ comm }) => comm === null)).toEqual([]);
	expect(seen.filter(({ open }) => open)).toEqual([]);
	expect(new Set(seen.map(({ comm }) => comm))).toEqual(new Set(["bash"]));
});
