/**
 * Decides from the compiled rows only, as the kernel does: rows, trees and hash table of bpf/wire/policy.h. It was written from
 * the header and not from the compiler, so that each checks the other.
 */

import { cgroupsOf, containerOf, unitsOf } from "../../../src/policy/cgroup-path.ts";
import { parseAddress } from "../../../src/policy/cidr.ts";
import type { SipHash } from "../../../src/policy/compile/hash.ts";
import {
	hashCgroup,
	hashContainer,
	hashExe,
	hashLabel,
	hashMethod,
	hashUnit,
	hashUser,
} from "../../../src/policy/compile/keys.ts";
import { type Connection, type Decision, isUnread, type Reason } from "../../../src/policy/evaluate/evaluate.ts";
import { readPath } from "../../../src/policy/evaluate/http-request.ts";
import { readHostName, readQuestionName } from "../../../src/policy/host-names.ts";
import { type Bits, CompiledRows } from "./compiled-rows.ts";

export interface Looked extends Pick<Decision, "action" | "verdict" | "reason" | "helloRequired"> {
	/** Bits. */
	readonly rule: number | null;
	readonly alert: number | null;
}

type Step = { action: 1 | 2; rule: number | null; alert: number | null };

const ALLOW = 1;

export class CompiledPolicy extends CompiledRows {
	decide(connection: Connection): Looked {
		const { step, reason, helloRequired } = this[connection.phase](connection);
		const enforce = this.view.getUint8(16) === 2;
		return {
			action: step.action === ALLOW ? "allow" : "deny",
			verdict: step.action === ALLOW ? "allow" : enforce ? "deny" : "would_deny",
			rule: step.rule,
			alert: step.alert,
			reason:
				step.rule !== null
					? reason === "unread" && step.action !== ALLOW
						? "unread"
						: "rule"
					: step.action === ALLOW && reason !== "resolver"
						? "default"
						: reason,
			helloRequired: helloRequired ?? false,
		};
	}

	dns({ name, who, unread }: Connection): { step: Step; reason: Reason; helloRequired?: boolean } {
		if (unread) return this.#unread({ name, unread }, this.#who(who), 0);
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
			const step = this.#first(here & (this.vector(8) | this.#names(name)), 1);
			last ??= step;
			if (step.action === ALLOW) return { step, reason };
		}
		last ??= this.#first(here & this.vector(8), 1);
		if (last.action === ALLOW) return { step: last, reason };
		const toBeNamed = this.vector(6) & (this.view.getUint8(17) === 2 ? this.vector(7) : this.vector(17));
		const open = this.#first(here & (this.vector(8) | toBeNamed), 1);
		const byName = open.rule !== null && ((this.vector(7) >> BigInt(open.rule)) & 1n) === 1n;
		if (byName && (protocol === 6 || protocol === 17)) return { step: open, reason, helloRequired: true };
		const lapsed = connection.lapsed?.find(
			({ name }) => this.#first(here & (this.vector(8) | this.#names(name)), 1).action === ALLOW,
		);
		return { step: last, reason: lapsed?.why ?? reason };
	}

	tls(connection: Connection): { step: Step; reason: Reason; helloRequired?: boolean } {
		const here = this.#place(connection) & this.#who(connection.who);
		const name = connection.name === null ? null : readHostName(connection.name);
		if (isUnread(connection)) return this.#unread(connection, here, 2);
		if (name === null) {
			const reason = connection.name === null ? "name_missing" : "name_bad";
			return { step: this.#first(here & this.vector(8), 2), reason };
		}
		const named = this.#names(name);
		const bound = this.view.getUint8(17) === 2 || connection.learned.includes(name);
		const free = this.#first(here & (this.vector(8) | named), 2);
		if (bound) return { step: free, reason: "default" };
		const step = this.#first(here & (this.vector(8) | (named & (~this.vector(6) | this.vector(17)))), 2);
		return { step, reason: free.rule !== null && free.action === ALLOW ? unbound(connection, name) : "default" };
	}

	http(connection: Connection): { step: Step; reason: Reason; helloRequired?: boolean } {
		const here = this.#place(connection) & this.#who(connection.who) & this.#request(connection);
		const name = connection.name === null ? null : readHostName(connection.name);
		if (isUnread(connection)) {
			const about = this.#place(connection) & this.#who(connection.who) & this.#status(connection);
			return this.#unread(connection, about, 3);
		}
		if (name === null) {
			const reason = connection.name === null ? "name_missing" : "name_bad";
			return { step: this.#first(here & this.vector(8), 3), reason };
		}
		const named = this.#names(name);
		const bound = this.view.getUint8(17) === 2 || connection.learned.includes(name);
		const free = this.#first(here & (this.vector(8) | named), 3);
		if (bound) return { step: free, reason: "default" };
		const step = this.#first(here & (this.vector(8) | (named & (~this.vector(6) | this.vector(17)))), 3);
		return { step, reason: free.rule !== null && free.action === ALLOW ? unbound(connection, name) : "default" };
	}

	/** What cannot be read matches all deny and alert rules about a name, method or path, unless byte 30 is ALLOW. */
	#unread(
		{ name, unread }: Pick<Connection, "name" | "unread">,
		here: Bits,
		phase: number,
	): { step: Step; reason: Reason } {
		const plain = this.vector(8) & (phase === 3 ? this.vector(14) & this.vector(15) : ~0n);
		const others = this.view.getUint8(30) === ALLOW ? 0n : ~plain & ~this.vector(6);
		const step = this.#first(here & (plain | others), phase);
		const isPlain = step.rule !== null && ((plain >> BigInt(step.rule)) & 1n) === 1n;
		const shown = !unread && name !== null;
		return { step, reason: isPlain ? "rule" : step.rule === null && shown ? "name_bad" : "unread" };
	}

	#status({ request }: Connection): Bits {
		if (!(this.u32(12) & 128)) return ~0n;
		const at = this.u32(88) * 128 + 4 * (request?.status ?? 0);
		return request?.status == null ? this.vector(16) : this.vector(this.u32(at));
	}

	/** Counter slot of a rule. */
	slot(rule: number): number {
		return this.view.getUint16(this.u32(60) * 128 + 2 * rule, true);
	}

	#first(match: Bits, phase: number): Step {
		const taking = match & this.vector(1 + phase) & this.left();
		const alerts = taking & this.vector(5);
		const deciding = taking & ~this.vector(5);
		const rule = lowest(deciding);
		const alert = lowest(rule === null ? alerts : alerts & ((1n << BigInt(rule)) - 1n));
		if (rule === null) return { ...this.#default(phase), alert };
		return { action: ((this.vector(6) >> BigInt(rule)) & 1n) === 1n ? ALLOW : 2, rule, alert };
	}

	#default(phase: number): Step {
		return { action: this.view.getUint8(18 + phase) as 1 | 2, rule: null, alert: null };
	}

	#place({ address, port, protocol }: Connection): Bits {
		const a = parseAddress(address)!;
		const key =
			a.version === 4 ? BigInt(a.w3) : [a.w0, a.w1, a.w2, a.w3].reduce((sum, w) => (sum << 32n) | BigInt(w), 0n);
		const byAddress = this.search(a.version === 4 ? 0 : 2, key);
		const portKey = BigInt(protocol * 65536 + (protocol === 6 || protocol === 17 ? port : 0));
		return this.vector(byAddress) & this.vector(this.search(1, portKey));
	}

	#who({ exe, uid, cgroup }: Connection["who"]): Bits {
		const unknown = (fixed: number) => this.vector(fixed) | ~this.vector(6);
		let bits = exe === null ? unknown(9) : this.found((h) => hashExe(h, exe.dev, exe.path), this.vector(9));
		bits &= this.found((h) => hashUser(h, uid), this.vector(10));
		if (cgroup === null) return [11, 12, 13].reduce((sum, fixed) => sum & unknown(fixed), bits);
		const path = cgroup;
		const anyOf = (fixed: number, hashes: ((h: SipHash) => void)[]) =>
			hashes.reduce((sum, hash) => sum | this.found(hash, 0n), this.vector(fixed));
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
		const flags = this.u32(12);
		let bits = this.found((h) => hashMethod(h, request.method), this.vector(14));
		if (flags & 128) {
			const at = this.u32(88) * 128 + 4 * (request.status ?? 0);
			bits &= request.status === null ? this.vector(16) : this.vector(this.u32(at));
		}
		return flags & 32 ? bits & this.#paths(request.path) : bits;
	}

	/** The path automaton, one character at a time. */
	#paths(sent: string): Bits {
		const row = (number: number) => {
			let bits = 0n;
			for (let word = 15; word >= 0; word--)
				bits = (bits << 64n) | this.view.getBigUint64((this.u32(80) + number) * 128 + 8 * word, true);
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
		let bits = this.vector(15);
		for (const kind of [0, 1]) {
			if (!unclear) feed(kind === 0 ? path : query);
			for (let i = 0; i < this.view.getUint16(94, true); i++) {
				const at = this.u32(84) * 128 + 8 * i;
				if (this.view.getUint8(at + 2) !== kind) continue;
				const rules = this.vector(this.u32(at + 4));
				if (unclear || (kind === 1 && cut)) bits |= rules & ~this.vector(6);
				else if ((on >> BigInt(this.view.getUint16(at, true))) & 1n) bits |= rules;
			}
		}
		return bits;
	}

	#names(name: string): Bits {
		if (name === "") return 0n;
		const labels = name.split(".");
		const hashes = labels.reverse().map((label) => {
			hashLabel(this.labelHash, label);
			return [this.labelHash.lo, this.labelHash.hi] as const;
		});
		let bits = 0n;
		for (let i = 0; i < this.view.getUint16(28, true); i++) {
			const shape = this.u32(this.u32(56) * 128 + 4 * i);
			const [count, many, mask] = [shape & 0xff, (shape >>> 8) & 0xff, shape >>> 16];
			if (many ? labels.length <= count : labels.length !== count) continue;
			bits |= this.found((h) => {
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
}

function lowest(bits: Bits): number | null {
	if (bits === 0n) return null;
	let index = 0;
	while (((bits >> BigInt(index)) & 1n) === 0n) index++;
	return index;
}

function unbound({ lapsed }: Connection, name: string): Reason {
	return lapsed?.find((each) => each.name === name)?.why ?? "name_unbound";
}
