import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { isMapped, type Packed, packAddress } from "../base/address.ts";

/** The client of a connection. One caller has one share of what is limited, however many connections it opens. */
export interface Caller {
	/** `uid:1000` for a user of this host, else the address, or the network of an IPv6 address. */
	readonly id: string;
	/** Root on the unix socket, which is served first. */
	readonly isFirst: boolean;
}

/** Addon.peerUid(). */
export type PeerUid = (fd: number) => number;

/** Finds the callers of the connections of all listeners. */
export class Callers {
	readonly #peerUid: PeerUid;
	readonly #known = new WeakMap<object, Caller>();
	readonly #tables = new Map<string, Table>();

	constructor(peerUid: PeerUid) {
		this.#peerUid = peerUid;
	}

	of(socket: Socket): Caller {
		return this.#known.get(socket) ?? this.#find(socket, 0);
	}

	/** As of(), but may report a client of this host by its address: cheap enough for every socket of a listener. */
	roughly(socket: Socket): Caller {
		return this.#known.get(socket) ?? this.#find(socket, TABLE_AGE);
	}

	/** @param age of the kernel's table at most [ms] */
	#find(socket: Socket, age: number): Caller {
		const { remoteAddress, remotePort } = socket;
		if (remoteAddress === undefined || remotePort === undefined) return this.#know(socket, this.#onSocket(socket));
		const uid = this.#ownerOf(socket, age);
		if (uid !== null) return this.#know(socket, user(uid));
		const caller = { id: networkOf(remoteAddress), isFirst: false };
		return age === 0 ? this.#know(socket, caller) : caller;
	}

	#know(socket: object, caller: Caller): Caller {
		this.#known.set(socket, caller);
		return caller;
	}

	#onSocket(socket: Socket): Caller {
		/* Node has no other access to the descriptor of a socket. */
		const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: number } | null };
		try {
			const uid = this.#peerUid(handle?.fd ?? -1);
			return { ...user(uid), isFirst: uid === 0 };
		} catch {
			/* The client has closed, or a test injects the request. */
			return { id: "unix", isFirst: false };
		}
	}

	/** The uid of the client's socket, if it is of this host: proc_pid_net(5). Null: there is none. */
	#ownerOf({ remoteAddress, remotePort, localAddress, localPort }: Socket, age: number): number | null {
		const [local, remote] = [packAddress(localAddress ?? ""), packAddress(remoteAddress ?? "")];
		if (local === null || remote === null) return null;
		/* An IPv6 socket may also use IPv4. */
		for (const [name, from] of [["tcp", 12] as const, ["tcp6", 0] as const]) {
			if (from > 0 && !isMapped(remote)) continue;
			const row = `: ${endOf(remote.slice(from), remotePort)} ${endOf(local.slice(from), localPort)} `;
			const uid = uidAt(this.#table(name, age), row);
			if (uid !== null) return uid;
		}
		return null;
	}

	#table(name: "tcp" | "tcp6", age: number): string {
		const now = performance.now();
		const known = this.#tables.get(name);
		if (known !== undefined && now - known.read < age) return known.text;
		const text = readTable(name);
		if (age > 0) this.#tables.set(name, { text, read: now });
		return text;
	}
}

interface Table {
	readonly text: string;
	/** performance.now() */
	readonly read: number;
}

/** [ms] A listener of the daemon holds at most hundreds of connections, but the host may have many thousands. */
const TABLE_AGE = 1_000;

function user(uid: number): Caller {
	return { id: `uid:${uid}`, isFirst: false };
}

function readTable(name: string): string {
	try {
		return readFileSync(`/proc/self/net/${name}`, "latin1");
	} catch {
		return "";
	}
}

function uidAt(table: string, beginning: string): number | null {
	const at = table.indexOf(beginning);
	if (at < 0) return null;
	const fields = table.slice(at + beginning.length, at + beginning.length + FIELDS).split(/ +/);
	return Number(fields[UID]);
}

/** Characters of a row behind its addresses within which the uid is, and the number of fields before it. */
const FIELDS = 80;
const UID = 4;

/** An address and port as the kernel prints them: the address in words of 32 bits, each little-endian. */
function endOf(address: Packed, port = 0): string {
	const bytes = Buffer.from(address, "latin1");
	const words: string[] = [];
	for (let at = 0; at < bytes.length; at += 4)
		words.push(
			Buffer.from(bytes.subarray(at, at + 4))
				.reverse()
				.toString("hex")
				.toUpperCase(),
		);
	return `${words.join("")}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A client has all IPv6 addresses of its /64. */
function networkOf(address: string): string {
	const packed = packAddress(address);
	if (packed === null || isMapped(packed)) return address.replace(/^::ffff:/i, "");
	return `${Buffer.from(packed.slice(0, 8), "latin1").toString("hex")}/64`;
}
