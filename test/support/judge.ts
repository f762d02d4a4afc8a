/** Queries the loaded program `judge` (bpf/hooks/judge.h) for the kernel's decision, by BPF_PROG_TEST_RUN. */
import { packAddress, packedBytes } from "../../src/base/address.ts";
import type { Kernel } from "../../src/native/binding.ts";
import { JUDGE_FLAG, JUDGE_REQUEST, LEARNED, NO_RULE, PHASE } from "../../src/native/layout.ts";
import { learnedKeys } from "../../src/native/learned-key.ts";
import { reasonNames } from "../../src/native/vocabulary.ts";
import { cgroupsOf, containerOf, unitsOf } from "../../src/policy/cgroup-path.ts";
import { type HashKey, SipHash } from "../../src/policy/compile/hash.ts";
import { hashCgroup, hashContainer, hashExe, hashUnit } from "../../src/policy/compile/keys.ts";
import type { Connection } from "../../src/policy/evaluate/evaluate.ts";

const UDP = 17;
/** Cookie of an invented network namespace. */
const NETNS = 77;
/** Where the kernel keeps names of an address. */
const PLACES = 3;
const NAME_MAX = 255;
const METHOD_MAX = 16;
const PATH_MAX = 256;
const VERDICTS = [null, "allow", "deny", "would_deny"] as const;
const SECOND = 1_000_000_000n;

export interface Judged {
	readonly action: "allow" | "deny";
	readonly verdict: "allow" | "deny" | "would_deny";
	readonly rule: number | null;
	readonly alert: number | null;
	readonly reason: string;
	readonly durationNs: number;
}

export class Judge {
	readonly #kernel: Kernel;
	readonly #hash: SipHash;
	readonly #cgroups = new Map<string, bigint>();

	/** `hashKey`: the hash key of the installed policies. */
	constructor(kernel: Kernel, hashKey: HashKey) {
		this.#kernel = kernel;
		this.#hash = new SipHash(hashKey);
	}

	/** Writes the connection's state (resolved names, resolvers, its cgroup) into the maps, and runs the program. */
	ask(connection: Connection, repeat = 1): Judged {
		const address = packedBytes(packAddress(connection.address)!);
		this.#learn(address, connection);
		if (connection.trustedResolver) this.#kernel.update("resolvers", address, u32(1));
		else this.#kernel.remove("resolvers", address);

		const request = Buffer.alloc(JUDGE_REQUEST.bytes);
		address.copy(request, JUDGE_REQUEST.remote);
		const { exe, uid, cgroup } = connection.who;
		if (exe !== null) request.writeBigUInt64LE(this.#keyOf(hashExe, exe.dev, exe.path), JUDGE_REQUEST.exeHash);
		if (cgroup !== null) request.writeBigUInt64LE(this.#cgroup(cgroup), JUDGE_REQUEST.cgroup);
		request.writeUInt32LE(uid, JUDGE_REQUEST.uid);
		request.writeBigUInt64LE(BigInt(NETNS), JUDGE_REQUEST.netns);
		request.writeUInt16LE(connection.port, JUDGE_REQUEST.remotePort);
		request.writeUInt8(connection.protocol, JUDGE_REQUEST.protocol);
		request.writeUInt8(PHASE[connection.phase], JUDGE_REQUEST.phase);
		if (connection.phase !== "connect") {
			writeName(request, connection.name ?? "");
			request.writeUInt8(connection.unread ? JUDGE_FLAG.unread : 0, JUDGE_REQUEST.flags);
		} else if (connection.protocol === UDP && !connection.dnsMessage)
			request.writeUInt8(JUDGE_FLAG.notDns, JUDGE_REQUEST.flags);

		const { request: http } = connection;
		if (http !== undefined) {
			request.writeUInt8(http.method.length, JUDGE_REQUEST.methodLength);
			request.writeUInt16LE(http.path.length, JUDGE_REQUEST.pathLength);
			request.writeUInt16LE(http.status ?? 0, JUDGE_REQUEST.status);
			request.write(http.method.slice(0, METHOD_MAX), JUDGE_REQUEST.method, "latin1");
			request.write(http.path.slice(0, PATH_MAX), JUDGE_REQUEST.path, "latin1");
		}

		const { retval, data, durationNs } = this.#kernel.testRun("judge", request, repeat);
		if (retval !== 0) throw new Error(`judge returned ${retval}`);
		const index = (at: number) => (data.readUInt16LE(at) === NO_RULE ? null : data.readUInt16LE(at));
		return {
			action: data.readUInt8(JUDGE_REQUEST.action) === 1 ? "allow" : "deny",
			verdict: VERDICTS[data.readUInt8(JUDGE_REQUEST.verdict)]!,
			rule: index(JUDGE_REQUEST.rule),
			alert: index(JUDGE_REQUEST.alert),
			reason: reasonNames[data.readUInt8(JUDGE_REQUEST.reason)]!,
			durationNs,
		};
	}

	/** The kernel's hash of a name, which it adds to its table; 0n if it is not a host name. */
	nameHash(name: string): bigint {
		const request = Buffer.alloc(JUDGE_REQUEST.bytes);
		writeName(request, name);
		return this.#kernel.testRun("judge", request, 1).data.readBigUInt64LE(JUDGE_REQUEST.nameHash);
	}

	/* All names are in one place, a different one for each number of names: within a place the longest-lived counts. */
	#learn(address: Buffer, { learned, lapsed = [] }: Connection): void {
		const now = process.hrtime.bigint();
		const place = learned.length % PLACES;
		for (const [at, { map, key }] of learnedKeys(NETNS, address).entries()) {
			const value = Buffer.alloc(LEARNED.bytes);
			key.copy(value, LEARNED.key);
			let slot = 0;
			const add = (name: string, expires: bigint, flags = 0) => {
				value.writeBigUInt64LE(this.nameHash(name), LEARNED.name + 8 * slot);
				value.writeBigUInt64LE(expires, LEARNED.expires + 8 * slot);
				value.writeUInt8(flags, LEARNED.flags + slot++);
			};
			if (at !== place) {
				this.#kernel.update(map, key, value);
				continue;
			}
			for (const { name, why } of lapsed)
				add(name, why === "name_capped" ? now + SECOND : now - SECOND, why === "name_capped" ? 1 : 0);
			for (const [i, name] of learned.entries()) add(name, now + (1000n - BigInt(i)) * SECOND);
			this.#kernel.update(map, key, value);
		}
	}

	/** A cgroup id whose entry in the map `cgroups` has the values that the kernel would derive from this path. */
	#cgroup(path: string): bigint {
		const known = this.#cgroups.get(path);
		if (known !== undefined) return known;
		const id = BigInt(this.#cgroups.size + 1);
		const units = unitsOf(path).map((unit) => this.#keyOf(hashUnit, unit));
		const container = containerOf(path);
		const containers = container === null ? [] : ["*", container].map((one) => this.#keyOf(hashContainer, one));
		const paths = cgroupsOf(path).map((one) => this.#keyOf(hashCgroup, one));
		const value = Buffer.alloc(8 + 32 * 8);
		value.set([units.length, containers.length, paths.length], 4);
		for (const [from, hashes] of [
			[0, units],
			[8, containers],
			[16, paths],
		] as const) {
			for (const [i, hash] of hashes.entries()) value.writeBigUInt64LE(hash, 8 + 8 * (from + i));
		}
		this.#kernel.update("cgroups", u64(id), value);
		this.#cgroups.set(path, id);
		return id;
	}

	#keyOf<Rest extends unknown[]>(hashIt: (hash: SipHash, ...rest: Rest) => void, ...rest: Rest): bigint {
		hashIt(this.#hash, ...rest);
		return (BigInt(this.#hash.hi >>> 0) << 32n) | BigInt(this.#hash.lo >>> 0);
	}
}

function writeName(request: Buffer, name: string): void {
	const bytes = Buffer.from(name, "latin1").subarray(0, NAME_MAX);
	request.writeUInt16LE(bytes.length, JUDGE_REQUEST.nameLength);
	bytes.copy(request, JUDGE_REQUEST.name);
}

function u32(value: number): Buffer {
	const buffer = Buffer.alloc(4);
	buffer.writeUInt32LE(value);
	return buffer;
}

function u64(value: bigint): Buffer {
	const buffer = Buffer.alloc(8);
	buffer.writeBigUInt64LE(value);
	return buffer;
}
