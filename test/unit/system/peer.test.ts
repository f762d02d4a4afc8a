/** The callers of real connections: by the credentials of a unix socket, and by the owner of a TCP socket of this host. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type ListenOptions, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { openAddon } from "../../../src/native/addon.ts";
import { Callers } from "../../../src/system/peer.ts";
import { NODE } from "../../support/paths.ts";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const undo: (() => unknown)[] = [];
afterEach(async () => {
	for (const each of undo.splice(0).reverse()) await each();
});

/** A connection to a server of this process, by another process with the uid. Returns the server's socket. */
async function connection(listen: ListenOptions, uid: number, host?: string): Promise<Socket> {
	const server = createServer();
	const accepted = once(server, "connection");
	server.listen(listen);
	await once(server, "listening");
	if (listen.path !== undefined) chmodSync(listen.path, 0o666);
	const target = listen.path ?? { port: (server.address() as AddressInfo).port, host };
	const script = `process.setuid(${uid}); require("net").connect(${JSON.stringify(target)}).resume()`;
	const child = spawn(NODE, ["-e", script], { cwd: "/", stdio: "inherit" });
	undo.push(
		() => new Promise((resolve) => server.close(resolve)),
		() => child.kill("SIGKILL"),
	);
	const [socket] = (await accepted) as [Socket];
	undo.push(() => socket.destroy());
	return socket;
}

if (!isRoot) console.warn("SKIPPED: not root, so callers of other users are not tested");
test.skipIf(!isRoot).each([
	["127.0.0.1", "127.0.0.1"],
	["::1", "::1"],
	["::", "127.0.0.1"],
	["::", "::ffff:127.0.0.1"],
	["127.0.0.1", "::ffff:127.0.0.1"],
])("a client of a listener on %s that connects to %s is its user", async (listen, host) => {
	const callers = new Callers(openAddon().peerUid);
	const socket = await connection({ host: listen, port: 0 }, NOBODY, host);
	expect(callers.of(socket)).toEqual({ id: "uid:65534", isFirst: false });
	expect(callers.roughly(socket)).toEqual({ id: "uid:65534", isFirst: false });
});

test.skipIf(!isRoot)("on the unix socket root is first, and another user is not", async () => {
	const callers = new Callers(openAddon().peerUid);
	const folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	chmodSync(folder, 0o755);
	undo.unshift(() => rmSync(folder, { recursive: true, force: true }));
	const other = await connection({ path: join(folder, "a") }, NOBODY);
	expect(callers.of(other)).toEqual({ id: "uid:65534", isFirst: false });
	expect(callers.of(await connection({ path: join(folder, "b") }, 0))).toEqual({ id: "uid:0", isFirst: true });
});

test.skipIf(!isRoot)("root on TCP is not first", async () => {
	const socket = await connection({ host: "127.0.0.1", port: 0 }, 0, "127.0.0.1");
	expect(new Callers(openAddon().peerUid).of(socket)).toEqual({ id: "uid:0", isFirst: false });
});

test.each([
	["192.0.2.7", "192.0.2.7"],
	["::ffff:192.0.2.7", "192.0.2.7"],
	["2001:db8:1:2:3:4:5:6", "20010db800010002/64"],
	["2001:db8:1:2::9", "20010db800010002/64"],
])("the client %s of another host is %s", (remoteAddress, id) => {
	const socket = { remoteAddress, remotePort: 1, localAddress: "192.0.2.1", localPort: 2 } as Socket;
	expect(new Callers(() => 0).of(socket)).toEqual({ id, isFirst: false });
});

test("a client whose credentials are unknown is never first", () => {
	const callers = new Callers(() => {
		throw new Error("EBADF");
	});
	expect(callers.of({} as Socket)).toEqual({ id: "unix", isFirst: false });
	expect(() => openAddon().peerUid(-1)).toThrow("not a file descriptor");
	expect(() => openAddon().peerUid(0x7fff_ffff)).toThrow();
});
