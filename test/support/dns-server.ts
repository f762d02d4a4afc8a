/** A DNS server over UDP and TCP for tests. It answers from a zone, and records its queries. */
import { createSocket, type Socket } from "node:dgram";
import { createServer, isIPv6, type Server, type Socket as TcpSocket } from "node:net";
import { decode } from "dns-packet";
import { encodeReply } from "./dns-encode.ts";
import { lookup, type Zone } from "./zone.ts";

export interface Question {
	readonly name: string;
	readonly type: string;
	readonly to: string;
	readonly from: string;
	readonly via: "udp" | "tcp";
}

/** How answers over TCP are sent. */
export interface Pieces {
	/** Size of a write [bytes]; 0: all at once. */
	readonly piece: number;
	/** Pause between two writes [ms]. */
	readonly pause: number;
}

/** A forged answer that is sent from port 53 before the real one. */
export interface Forgery {
	/** The question that it claims to answer; null: the real one. */
	readonly name: string | null;
	readonly address: string;
	/** Offset from the real id. */
	readonly idOff: number;
	/** null: to the client. */
	readonly toPort: number | null;
}

export class DnsServer {
	zone: Zone = {};
	pieces: Pieces = { piece: 0, pause: 0 };
	forgery: Forgery | null = null;
	/** Queries are recorded and not answered. */
	isMute = false;
	readonly asked: Question[] = [];
	readonly #sockets: Socket[] = [];
	readonly #servers: Server[] = [];

	/** One socket per address, so that an answer's source is the queried address. */
	async listen(addresses: readonly string[]): Promise<void> {
		for (const address of addresses) {
			await this.#listenUdp(address);
			await this.#listenTcp(address);
		}
	}

	async #listenUdp(address: string): Promise<void> {
		const socket = createSocket({ type: isIPv6(address) ? "udp6" : "udp4", recvBufferSize: 4 << 20 });
		socket.on("message", (message, from) => {
			const forged = this.#forge(message);
			if (forged !== null) socket.send(forged, this.forgery?.toPort ?? from.port, from.address);
			const reply = this.#answer(message, address, from.address, "udp");
			if (reply !== null) socket.send(reply, from.port, from.address);
		});
		await new Promise<void>((resolve, reject) => {
			socket.once("error", reject);
			socket.bind(53, address, resolve);
		});
		this.#sockets.push(socket);
	}

	async #listenTcp(address: string): Promise<void> {
		const server = createServer({ noDelay: true }, (socket) => {
			let bytes = Buffer.alloc(0);
			let sent = Promise.resolve();
			socket.on("error", () => {});
			socket.on("data", (data) => {
				bytes = Buffer.concat([bytes, data]);
				while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
					const message = bytes.subarray(2, 2 + bytes.readUInt16BE(0));
					bytes = bytes.subarray(2 + message.length);
					const reply = this.#answer(message, address, socket.remoteAddress ?? "", "tcp");
					if (reply !== null) sent = sent.then(() => this.#send(socket, reply));
				}
			});
		});
		await new Promise<void>((resolve, reject) => {
			server.once("error", reject);
			server.listen(53, address, resolve);
		});
		this.#servers.push(server);
	}

	async #send(socket: TcpSocket, reply: Buffer): Promise<void> {
		/* A name that begins with `split-` is answered in two segments. */
		const { piece, pause } = reply.includes("split-") ? { piece: (reply.length >> 1) + 2, pause: 30 } : this.pieces;
		const framed = Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 255]), reply]);
		const step = piece === 0 ? framed.length : piece;
		for (let at = 0; at < framed.length; at += step) {
			socket.write(framed.subarray(at, at + step));
			if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
		}
	}

	#forge(message: Buffer): Buffer | null {
		const question = readQuery(message)?.questions?.[0];
		if (this.forgery === null || question === undefined) return null;
		const { name, address, idOff } = this.forgery;
		const claimed = { name: name ?? question.name, type: question.type };
		const answers = [{ name: claimed.name, type: isIPv6(address) ? "AAAA" : "A", data: address } as const];
		return encodeReply({
			id: (message.readUInt16BE(0) + idOff) & 0xffff,
			flags: 0x0480,
			question: claimed,
			answers,
			edns: false,
		});
	}

	#answer(message: Buffer, to: string, from: string, via: "udp" | "tcp"): Buffer | null {
		const query = readQuery(message);
		const question = query?.questions?.[0];
		if (query === null || question === undefined) return null;
		for (const { name, type } of query.questions ?? []) this.asked.push({ name, type, to, from, via });
		if (this.isMute) return null;
		/* A name that begins with `silent.` gets no answer, and one that begins with `rcode-5.` this response code. */
		if (question.name.startsWith("silent.")) return null;
		const wanted = /^rcode-(\d+)\./.exec(question.name)?.[1];
		const records = lookup(this.zone, question.name, question.type);
		const rcode = wanted === undefined ? (records === null ? NXDOMAIN : 0) : Number(wanted);
		const flags = 0x0480 | rcode; // AA, RA
		const edns = (query.additionals ?? []).some((record) => record.type === "OPT");
		const whole = { id: query.id ?? 0, flags, question, answers: records ?? [], edns };
		const reply = encodeReply(whole);
		if (via === "tcp" || reply.length <= (edns ? 1_232 : 512)) return reply;
		return encodeReply({ ...whole, flags: flags | 0x0200, answers: [] });
	}
}

const NXDOMAIN = 3;

/** dns-packet does not know RFC 9460. */
const LATER_TYPES: Record<string, string> = { UNKNOWN_64: "SVCB", UNKNOWN_65: "HTTPS" };

function readQuery(message: Buffer) {
	try {
		const query = decode(message);
		if (query.type !== "query") return null;
		const questions = query.questions?.map(({ name, type }) => ({ name, type: LATER_TYPES[type] ?? type }));
		return { id: query.id, questions, additionals: query.additionals };
	} catch {
		return null;
	}
}
