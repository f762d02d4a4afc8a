/**
 * Decides from the compiled rows only, as the kernel does: rows, trees and hash table of bpf/wire/policy.h. It was written from
 * the header and not from the compiler, so that each checks the other.
 */

import { cgroupsOf, containerOf, unitsOf } from "../../../src/policy/cgroup-path.ts";
import { parseAddress } from "../../../src/policy/cidr.ts";
import { SipHash } from "../../../src/policy/compile/hash.ts";
import {
	hashCgroup,
	hashContainer,
	hashExe,
	hashLabel,
	hashMethod,
	hashUnit,
	hashUser,
} from "../../../src/policy/compile/keys.ts";
import type { Connection, Decision, Reason } from "../../../src/policy/evaluate/evaluate.ts";
import { readPath } from "../../../src/policy/evaluate/http-request.ts";
import { readHostName, readQuestionName } from "../../../src/policy/host-names.ts";

export interface Looked extends Pick<Decision, "action" | "verdict" | "reason" | "helloRequired"> {
	/** Bits. */
	readonly rule: number | null;
	readonly alert: number | null;
}

type Bits = bigint;
type Step = { action: 1 | 2; rule: number | null; alert: number | null };

const ALLOW = 1;

export class CompiledPolicy {
	readonly #view: DataView;
	readonly #hash: SipHash;
	readonly #labelHash: SipHash;

	constructor(rows: Uint8Array) {
		this.#view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
		this.#hash = new SipHash([this.#u32(32), this.#u32(36), this.#u32(40), this.#u32(44)]);
		this.#labelHash = new SipHash([this.#u32(32), this.#u32(36), this.#u32(40), this.#u32(44)]);
	}

	decide(connection: Connection): Looked {
		const { step, reason, helloRequired } = this[connection.phase](connection);
		const enforce = this.#view.getUint8(16) === 2;
		return {
			action: step.action === ALLOW ? "allow" : "deny",
			verdict: step.action === ALLOW ? "allow" : enforce ? "deny" : "would_deny",
			rule: step.rule,
			alert: step.alert,
			reason: step.rule !== null ? "rule" : step.action === ALLOW && reason !== "resolver" ? "default" : reason,
			helloRequired: helloRequired ?? false,
		};
	}

	dns({ name, who }: Connection): { step: Step; reason: Reason; helloRequired?: boolean } {
		if (name === null) return { step: this.#default(0), reason: "unreadable" };
		const asked = readQuestionName(name);
		const matching = asked === null ? 0n : this.#who(who) & this.#names(asked);
		return { step: this.#first(matching, 0), reason: "default" };
	}

	connect(connection: Connection): { step: Step; reason: Reason; helloRequired?: boolean } {
		const { port, protocol, learned, dnsMessage } = connection;
		const toResolver = connection.trustedResolver && port === 53 && (protocol === 6 || protocol === 17);
		if (toResolver && (protocol === 6 || dnsMessage)) {
			return { step: { action: ALLOW, rule: null, alert: null }, reason: "resolver" };
		}
		const reason = toResolver ? "unreadable" : "default";
		const here = this.#place(connection) & this.#who(connection.who);
		let last: Step | null = null;
		for (const name of learned) {
			const step = this.#first(here & (this.#vector(8) | this.#names(name)), 1);
			last ??= step;
			if (step.action === ALLOW) return { step, reason };
		}
		last ??= this.#first(here & this.#vector(8), 1);
		if (last.action === ALLOW || this.#view.getUint8(17) !== 2 || (protocol !== 6 && protocol !== 17))
			return { step: last, reason };
		const open = this.#first(here & (this.#vector(8) | (this.#vector(7) & this.#vector(6))), 1);
		const byName = open.rule !== null && ((this.#vector(7) >> BigInt(open.rule)) & 1n) === 1n;
		return byName ? { step: open, reason, helloRequired: true } : { step: last, reason };
	}

	tls(connection: Connection): { step: Step; reason: Reason; helloRequired?: boolean } {
		const here = this.#place(connection) & this.#who(connection.who);
		const name = connection.name === null ? null : readHostName(connection.name);
		if (name === null) {
			const reason = connection.name === null ? "name_missing" : "name_bad";
			return { step: this.#first(here & this.#vector(8), 2), reason };
		}
		const named = this.#names(name);
		const bound = this.#view.getUint8(17) === 2 || connection.learned.includes(name);
		const free = this.#first(here & (this.#vector(8) | named), 2);
		if (bound) return { step: free, reason: "default" };
		const step = this.#first(here & (this.#vector(8) | (named & ~this.#vector(6))), 2);
		return { step, reason: free.rule !== null && free.action === ALLOW ? "name_unbound" : "default" };
	}

	http(connection: Connection): { step: Step; reason: Reason; helloRequired?: boolean } {
		const here = this.#place(connection) & this.#who(connection.who) & this.#request(connection);
		const shown = connection.name ?? "";
		const name = /^[\w.-]*$/.test(shown) ? readHostName(shown) : null;
		if (name === null) {
			const reason = connection.name === null ? "name_missing" : "name_bad";
			return { step: this.#first(here & this.#vector(8), 3), reason };
		}
		const named = this.#names(name);
		const bound = this.#view.getUint8(17) === 2 || connection.learned.includes(name);
		const free = this.#first(here & (this.#vector(8) | named), 3);
		if (bound) return { step: free, reason: "default" };
		const step = this.#first(here & (this.#vector(8) | (named & ~this.#vector(6))), 3);
		return { step, reason: free.rule !== null && free.action === ALLOW ? "name_unbound" : "default" };
	}

	/** Counter slot of a rule. */
	slot(rule: number): number {
		return this.#view.getUint16(this.#u32(60) * 128 + 2 * rule, true);
	}

	#first(match: Bits, phase: number): Step {
		const taking = match & this.#vector(1 + phase);
		const alerts = taking & this.#vector(5);
		const deciding = taking & ~this.#vector(5);
		const rule = lowest(deciding);
		const alert = lowest(rule === null ? alerts : alerts & ((1n << BigInt(rule)) - 1n));
		if (rule === null) return { ...this.#default(phase), alert };
		return { action: ((this.#vector(6) >> BigInt(rule)) & 1n) === 1n ? ALLOW : 2, rule, alert };
	}

	#default(phase: number): Step {
		return { action: this.#view.getUint8(18 + phase) as 1 | 2, rule: null, alert: null };
	}

	#place({ address, port, protocol }: Connection): Bits {
		const a = parseAddress(address)!;
		const key =
			a.version === 4 ? BigInt(a.w3) : [a.w0, a.w1, a.w2, a.w3].reduce((sum, w) => (sum << 32n) | BigInt(w), 0n);
		const byAddress = this.#search(a.version === 4 ? 0 : 2, key);
		const portKey = BigInt(protocol * 65536 + (protocol === 6 || protocol === 17 ? port : 0));
		return this.#vector(byAddress) & this.#vector(this.#search(1, portKey));
	}

	#who({ exe, uid, cgroup }: Connection["who"]): Bits {
		let bits = exe === null ? this.#vector(9) : this.#found((h) => hashExe(h, exe.dev, exe.path), this.#vector(9));
		bits &= this.#found((h) => hashUser(h, uid), this.#vector(10));
		if (cgroup === null) {
			const allow = this.#vector(6);
			return [11, 12, 13].reduce((sum, fixed) => sum & (this.#vector(fixed) | ~allow), bits);
		}
		const path = cgroup;
		const anyOf = (fixed: number, hashes: ((h: SipHash) => void)[]) =>
			hashes.reduce((sum, hash) => sum | this.#found(hash, 0n), this.#vector(fixed));
		bits &= anyOf(
			11,
			unitsOf(path).map((unit) => (h) => hashUnit(h, unit)),
		);
		const container = containerOf(path);
		bits &= anyOf(12, container === null ? [] : [container, "*"].map((one) => (h) => hashContainer(h, one)));
		return (
			bits &
			anyOf(
				13,
				cgroupsOf(path).map((one) => (h) => hashCgroup(h, one)),
			)
		);
	}

	#request({ request }: Connection): Bits {
		if (request === undefined) return 0n;
		const flags = this.#u32(12);
		let bits = this.#found((h) => hashMethod(h, request.method), this.#vector(14));
		if (flags & 128) {
			const at = this.#u32(88) * 128 + 4 * (request.status ?? 0);
			bits &= request.status === null ? this.#vector(16) : this.#vector(this.#u32(at));
		}
		return flags & 32 ? bits & this.#paths(request.path) : bits;
	}

	/** The path automaton, one character at a time. */
	#paths(sent: string): Bits {
		const row = (number: number) => {
			let bits = 0n;
			for (let word = 15; word >= 0; word--)
				bits = (bits << 64n) | this.#view.getBigUint64((this.#u32(80) + number) * 128 + 8 * word, true);
			return bits;
		};
		const { path, query, unclear, cut } = readPath(sent);
		let on = row(0);
		const feed = (text: string) => {
			for (const character of text) {
				const loops = character === "/" ? row(1) : row(1) | row(2);
				on = ((on << 1n) & row(3 + character.charCodeAt(0))) | (on & loops);
			}
		};
		let bits = this.#vector(15);
		for (const kind of [0, 1]) {
			if (!unclear) feed(kind === 0 ? path : query);
			for (let i = 0; i < this.#view.getUint16(94, true); i++) {
				const at = this.#u32(84) * 128 + 8 * i;
				if (this.#view.getUint8(at + 2) !== kind) continue;
				const rules = this.#vector(this.#u32(at + 4));
				if (unclear || (kind === 1 && cut)) bits |= rules & ~this.#vector(6);
				else if ((on >> BigInt(this.#view.getUint16(at, true))) & 1n) bits |= rules;
			}
		}
		return bits;
	}

	#names(name: string): Bits {
		if (name === "") return 0n;
		const labels = name.split(".");
		const hashes = labels.reverse().map((label) => {
			hashLabel(this.#labelHash, label);
			return [this.#labelHash.lo, this.#labelHash.hi] as const;
		});
		let bits = 0n;
		for (let i = 0; i < this.#view.getUint16(28, true); i++) {
			const shape = this.#u32(this.#u32(56) * 128 + 4 * i);
			const [count, many, mask] = [shape & 0xff, (shape >>> 8) & 0xff, shape >>> 16];
			if (many ? labels.length <= count : labels.length !== count) continue;
			bits |= this.#found((h) => {
				h.begin();
				for (let label = 0; label < count; label++) {
					const star = (mask >>> label) & 1;
					h.word(star ? 0x2a : hashes[label]![0], star ? 0 : hashes[label]![1]);
				}
				h.finishAs(count | (many << 7), mask);
				if (h.lo === 0 && h.hi === 0) h.lo = 1;
			}, 0n);
		}
		return bits;
	}

	#found(hashIt: (hash: SipHash) => void, otherwise: Bits): Bits {
		const hash = this.#hash;
		hashIt(hash);
		const mask = this.#u32(72);
		for (let probe = 0; probe < 4; probe++) {
			const bucket = (this.#u32(68) + ((hash.lo + probe) & mask)) * 128;
			for (let slot = bucket; slot < bucket + 128; slot += 16) {
				const [lo, hi] = [this.#u32(slot), this.#u32(slot + 4)];
				if (lo === 0 && hi === 0) return otherwise;
				if (lo === hash.lo && hi === hash.hi) return this.#vector(this.#u32(slot + 8));
			}
		}
		return otherwise;
	}

	#search(tree: 0 | 1 | 2, key: bigint): number {
		const [fanout, leaf, size] = tree === 2 ? [8, 6, 16] : [32, 16, 4];
		const depth = this.#u32(128 + 4 * (27 + tree));
		let node = 0;
		for (let level = 0; level <= depth; level++) {
			const row = (this.#u32(128 + 4 * (tree * 9 + level)) + node) * 128;
			const keys = level === depth ? leaf : fanout;
			let i = 0;
			while (i < keys - 1 && this.#key(row + i * size, size) < key) i++;
			if (level === depth) return this.#u32(row + leaf * size + 4 * i);
			node = node * fanout + i;
		}
		throw new Error("unreachable");
	}

	#key(at: number, size: number): bigint {
		if (size === 4) return BigInt(this.#u32(at));
		return (this.#view.getBigUint64(at, true) << 64n) | this.#view.getBigUint64(at + 8, true);
	}

	#vector(number: number): Bits {
		const at = (this.#u32(64) + number) * 128;
		let bits = 0n;
		for (let word = this.#view.getUint16(26, true) - 1; word >= 0; word--) {
			bits = (bits << 64n) | this.#view.getBigUint64(at + 8 * word, true);
		}
		return bits;
	}

	#u32(at: number): number {
		return this.#view.getUint32(at, true);
	}
}

function lowest(bits: Bits): number | null {
	if (bits === 0n) return null;
	let index = 0;
	while (((bits >> BigInt(index)) & 1n) === 0n) index++;
	return index;
}
