/** A DNS server over UDP for tests: answers from a zone, and keeps what it was asked. */
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { decode } from "dns-packet";
import { encodeReply } from "./dns-encode.ts";
import { lookup, type Zone } from "./zone.ts";

export interface Question {
	readonly name: string;
	readonly type: string;
	readonly to: string;
	readonly from: string;
}

export class DnsServer {
	zone: Zone = {};
	readonly asked: Question[] = [];
	readonly #sockets: Socket[] = [];

	/** A socket an address, so that answers come from the address that was asked. */
	async listen(addresses: readonly string[]): Promise<void> {
		for (const address of addresses) {
			const socket = createSocket({ type: isIPv6(address) ? "udp6" : "udp4", recvBufferSize: 4 << 20 });
			socket.on("message", (message, from) => {
				const reply = this.#answer(message, address, from.address);
				if (reply !== null) socket.send(reply, from.port, from.address);
			});
			await new Promise<void>((resolve, reject) => {
				socket.once("error", reject);
				socket.bind(53, address, resolve);
			});
			this.#sockets.push(socket);
		}
	}

	#answer(message: Buffer, to: string, from: string): Buffer | null {
		const query = readQuery(message);
		const question = query?.questions?.[0];
		if (query === null || question === undefined) return null;
		this.asked.push({ name: question.name, type: question.type, to, from });
		const records = lookup(this.zone, question.name, question.type);
		const flags = 0x0480 | (records === null ? 3 : 0); // AA, RA; NXDOMAIN
		const edns = (query.additionals ?? []).some((record) => record.type === "OPT");
		return encodeReply({ id: query.id ?? 0, flags, question, answers: records ?? [], edns });
	}
}

function readQuery(message: Buffer) {
	try {
		const query = decode(message);
		return query.type === "query" ? query : null;
	} catch {
		return null;
	}
}
