/** HTTP servers on loopback that answer each request with the name and target that they read. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PREFIX } from "./cgroup.ts";
import { Cleanup } from "./cleanup.ts";
import { debianProgram } from "./debian-program.ts";
import { removeFolder, sweep } from "./leftovers.ts";
import { end, sleep } from "./run.ts";

export interface HttpServer {
	readonly name: string;
	readonly port: number;
}

export interface HttpServers {
	readonly all: readonly HttpServer[];
	close(): void;
}

/** Precedes the name in each answer to a request. */
const MARK = "sallyport read";

/** Node's, Python's and nginx. */
export async function startServers(): Promise<HttpServers> {
	sweep();
	const cleanup = new Cleanup();
	const close = () => {
		const failures = cleanup.run();
		if (failures.length > 0) throw new Error(`not cleaned up: ${failures.join("; ")}`);
	};
	try {
		return { all: await Promise.all([nodeServer(cleanup), pythonServer(cleanup), nginxServer(cleanup)]), close };
	} catch (error) {
		close();
		throw error;
	}
}

/** The names of the requests that the server read in the bytes of a client, which then ends the stream. */
export async function namesRead(server: HttpServer, bytes: Uint8Array): Promise<readonly string[]> {
	const socket = connect(server.port, "127.0.0.1");
	let answer = "";
	socket.on("data", (data) => {
		answer += data.toString("latin1");
	});
	socket.on("error", () => undefined);
	socket.end(bytes);
	socket.setTimeout(1_000, () => socket.destroy());
	await new Promise((resolve) => socket.on("close", resolve));
	return [...answer.matchAll(new RegExp(`${MARK} <([^>]*)>`, "g"))].map(([, name]) => name ?? "");
}

async function nodeServer(cleanup: Cleanup): Promise<HttpServer> {
	const server = createServer((request, response) => {
		response.end(`${MARK} <${request.headers.host ?? ""}>\n`);
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	cleanup.defer("Node's server", () => {
		server.close();
		server.closeAllConnections();
	});
	return { name: "Node", port: (server.address() as AddressInfo).port };
}

const PYTHON = `
import http.server, socketserver
http.server.ThreadingHTTPServer.request_queue_size = 128
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = f"${MARK} <{self.headers.get('Host', '') if self.request_version != 'HTTP/0.9' else ''}>\\n".encode("latin1", "replace")
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    do_POST = do_OPTIONS = do_GET
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(s.server_address[1], flush=True)
s.serve_forever()
`;

async function pythonServer(cleanup: Cleanup): Promise<HttpServer> {
	const child = spawn("python3", ["-c", PYTHON], { stdio: ["ignore", "pipe", "ignore"] });
	cleanup.defer(`Python's server ${child.pid}`, () => void end(child.pid));
	const [line] = await once(child.stdout, "data");
	return { name: "Python", port: Number(String(line)) };
}

async function nginxServer(cleanup: Cleanup): Promise<HttpServer> {
	const [command = "", ...before] = debianProgram("nginx", "/usr/sbin/nginx");
	const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
	cleanup.defer(`folder ${folder}`, () => removeFolder(folder));
	const port = 20_000 + Math.floor(Math.random() * 10_000);
	const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
		(each) => `${each}_temp_path ${folder}/t;`,
	);
	writeFileSync(
		join(folder, "nginx.conf"),
		`daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error; events {}
http { access_log off; ${temporary.join(" ")}
server { listen 127.0.0.1:${port}; location / { return 200 "${MARK} <$http_host>\\n"; } } }`,
	);
	const child = spawn(command, [...before, "-c", join(folder, "nginx.conf"), "-e", join(folder, "error")], {
		stdio: "ignore",
	});
	cleanup.defer(`nginx ${child.pid}`, () => void end(child.pid));
	const server = { name: "nginx", port };
	const probe = Buffer.from("GET / HTTP/1.1\r\nHost: up\r\nConnection: close\r\n\r\n");
	for (let tries = 0; (await namesRead(server, probe)).length === 0; tries++) {
		if (tries === 50) throw new Error("nginx does not answer");
		await sleep(100);
	}
	return server;
}
