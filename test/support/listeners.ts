/**
 * TCP, TLS and UDP listeners that record each connection and each received byte. The record, not the client's result, shows
 * whether data was sent.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { SERVER4, SERVER6 } from "./addresses.ts";

/**
 * echo: returns the data. sink: reads. http: answers requests. tls: http inside TLS. socks: http behind a SOCKS 5
 * handshake. starttls: a mail server that offers TLS.
 * `give:N`: sends N bytes, then reads.
 */
export type Kind = "echo" | "sink" | "http" | "tls" | "socks" | "starttls" | "udp" | `give:${number}`;

const HEAD = 512;

export interface Arrival {
	readonly at: string;
	readonly port: number;
	readonly from: string;
	readonly fromPort: number;
	/** Bytes received over the wire; for TLS they include the hello. */
	bytes: number;
	/** SNI of a completed handshake. */
	servername: string | null;
	/** Request lines received. */
	requests: string[];
	/** The first bytes (latin1), which contain the name of a hello. */
	head: string;
	closed: boolean;
}

export class Listeners {
	readonly arrivals: Arrival[] = [];
	readonly #sockets = new Map<Socket, Arrival>();
	readonly #tls: ReturnType<typeof createTlsServer>;

	constructor(key: string, cert: string) {
		this.#tls = createTlsServer({ key, cert });
		this.#tls.on("secureConnection", (socket: TLSSocket) => {
			const arrival = this.arrivals.findLast(
				(each) => each.fromPort === socket.remotePort && each.from === plain(socket.remoteAddress),
			);
			if (arrival !== undefined) arrival.servername = typeof socket.servername === "string" ? socket.servername : null;
			socket.on("error", () => {});
			serveHttp(socket, arrival);
		});
		this.#tls.on("tlsClientError", () => {});
	}

	/** Listens on every address of the namespace, IPv4 and IPv6. */
	listen(kind: Kind, port: number): Promise<void> {
		return kind === "udp" ? this.#listenUdp(port) : this.#listenTcp(kind, port);
	}

	/** The record so far, including bytes of open connections. */
	record(): Arrival[] {
		for (const [socket, arrival] of this.#sockets) arrival.bytes = socket.bytesRead;
		return this.arrivals;
	}

	clear(): void {
		this.arrivals.length = 0;
	}

	#listenTcp(kind: Kind, port: number): Promise<void> {
		const server: Server = createServer({ noDelay: true, highWaterMark: 1 << 16 }, (socket) => {
			const arrival = this.#keep(plain(socket.localAddress), port, plain(socket.remoteAddress), socket.remotePort ?? 0);
			this.#sockets.set(socket, arrival);
			socket.on("error", () => {});
			socket.once("close", () => {
				arrival.bytes = socket.bytesRead;
				arrival.closed = true;
				this.#sockets.delete(socket);
			});
			if (kind === "tls") return void this.#tls.emit("connection", socket);
			if (kind === "starttls") return serveLines(socket, () => this.#tls.emit("connection", socket));
			socket.on("data", (data) => {
				if (arrival.head.length < HEAD) arrival.head += data.toString("latin1").slice(0, HEAD - arrival.head.length);
			});
			if (kind === "http") serveHttp(socket, arrival);
			if (kind === "socks") serveSocks(socket, arrival);
			if (kind === "echo") socket.pipe(socket);
			if (kind.startsWith("give:")) socket.end(Buffer.alloc(Number(kind.slice(5)), 0x67));
		});
		return new Promise((resolve, reject) => {
			server.once("error", reject);
			server.listen({ host: "::", port, backlog: 4096 }, resolve);
		});
	}

	/* In addition to "::" the server binds its own addresses, so that its replies come from the queried address. */
	async #listenUdp(port: number): Promise<void> {
		for (const address of [SERVER4, SERVER6, "::"]) {
			const type = address.includes(":") ? "udp6" : "udp4";
			const socket: UdpSocket = createSocket({ type, reuseAddr: true, recvBufferSize: 4 << 20 });
			socket.on("message", (message, from) => {
				const arrival = this.#keep("", port, plain(from.address), from.port);
				arrival.bytes = message.length;
				arrival.head = message.toString("latin1").slice(0, HEAD);
				if (arrival.head.startsWith("ping")) socket.send("pong", from.port, from.address);
			});
			await new Promise<void>((resolve, reject) => {
				socket.once("error", reject);
				socket.bind(port, address, resolve);
			});
		}
	}

	#keep(at: string, port: number, from: string, fromPort: number): Arrival {
		const arrival = { at, port, from, fromPort, bytes: 0, servername: null, requests: [], head: "", closed: false };
		this.arrivals.push(arrival);
		return arrival;
	}
}

function serveHttp(socket: Socket, arrival: Arrival | undefined): void {
	let text = "";
	socket.on("data", (data) => {
		text += data.toString("latin1");
		if (!text.includes("\r\n\r\n")) return;
		arrival?.requests.push(text.slice(0, text.indexOf("\r\n")));
		socket.end("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n");
	});
}

/** Plays the proxy and the server behind it, whatever its name. */
function serveSocks(socket: Socket, arrival: Arrival): void {
	socket.once("data", () => {
		socket.write(Buffer.from("0500", "hex"));
		socket.once("data", () => {
			socket.write(Buffer.from("05000001000000000000", "hex"));
			serveHttp(socket, arrival);
		});
	});
}

function plain(address: string | undefined): string {
	return (address ?? "").replace(/^::ffff:(?=\d+\.)/, "");
}

/** A server of lines, such as SMTP: unknown commands are answered, and STARTTLS hands the socket over. */
function serveLines(socket: Socket, startTls: () => void): void {
	let line = "";
	const read = (data: Buffer) => {
		for (const [at, byte] of data.entries()) {
			line += String.fromCharCode(byte);
			if (byte !== 0x0a) continue;
			const command = line.trim().toUpperCase();
			line = "";
			socket.write(command === "STARTTLS" ? "220 go ahead\r\n" : "500 unrecognized command\r\n");
			if (command !== "STARTTLS") continue;
			socket.off("data", read);
			socket.unshift(data.subarray(at + 1));
			startTls();
			return;
		}
	};
	socket.write("220 lines\r\n");
	socket.on("data", read);
}
