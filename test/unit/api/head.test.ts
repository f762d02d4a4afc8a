/** HEAD over a socket: every route that GET has is answered with its head, and the connection serves the next request. */
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tcpListener } from "../../../src/api/listen.ts";
import { fill, openApi } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

let app: FastifyInstance;
let services: FakeServices;
beforeEach(async () => {
	const harness = new TableHarness();
	services = new FakeServices(harness);
	fill(harness);
	const { access } = tcpListener({ listen: "127.0.0.1:0", tokenFile: null, tlsCert: null, tlsKey: null });
	app = await openApi(services, { access });
	await app.listen({ host: "127.0.0.1", port: 0 });
});
afterEach(() => app.close());

test("HEAD of every route ends, and leaves no stream behind", async () => {
	const { paths } = (await app.inject({ url: "/openapi.json", headers: { host: "localhost" } })).json<{
		paths: Record<string, object>;
	}>();
	const urls = Object.entries(paths)
		.filter(([, methods]) => "get" in methods)
		.map(([path]) => path.replaceAll(/\{\w+\}/g, "1"));
	expect(urls).toContain("/v1/stream");
	for (const url of [...urls, "/openapi.json", "/openapi.yaml", "/docs", "/v1/connections?limit=1"]) {
		const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
		const request = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n`;
		socket.write(`${request("HEAD", url)}\r\n${request("GET", "/healthz")}connection: close\r\n\r\n`);
		let answer = "";
		socket.setEncoding("latin1").on("data", (text: string) => (answer += text));
		await once(socket, "end");
		const [first = "", ...others] = answer.split(/(?=HTTP\/1\.1 )/);
		expect(first, url).toMatch(/^HTTP\/1\.1 (200|302|404) (?:[^\n]*\n)*\r\n$/);
		expect(others, url).toEqual([expect.stringMatching(/^HTTP\/1\.1 200 OK/)]);
	}
	expect(services.feed.readers).toBe(0);
});
