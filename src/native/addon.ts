import { createRequire } from "node:module";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import {
	type Addon,
	type AttachedProgram,
	type Kernel,
	type LinkFault,
	type LoadOptions,
	type MapName,
	NativeError,
	type PinFault,
	type PinsFound,
	type ProgramFacts,
	type RingPositions,
	type SocketName,
	type TestRun,
} from "./binding.ts";
import { ROW } from "./layout.ts";

const BUILT = fileURLToPath(new URL("../../native/build/Release/sallyport.node", import.meta.url));

/**
 * Opens the addon that `npm run build` makes. Arguments are checked here, because C++ trusts them. Throws Error with
 * Node's code MODULE_NOT_FOUND or ERR_DLOPEN_FAILED.
 */
export function openAddon(file: string = BUILT): Addon {
	const raw = createRequire(import.meta.url)(file) as RawAddon;
	raw.setErrorClass(NativeError);
	return {
		libbpfVersion: raw.libbpfVersion,
		load: (options) => new CheckedKernel(raw, options),
		parse(request, bytes) {
			requireThat(
				request.length === raw.parseRequestBytes && request.byteOffset % 8 === 0,
				`request: not ${raw.parseRequestBytes} bytes at a multiple of 8`,
			);
			requireThat(raw.parse(request, bytes), "request: at and end lie outside bytes, or the kind is unknown");
		},
		mountBpffs(path) {
			requireThat(isAbsolute(path), `${path} is not an absolute path`);
			raw.mountBpffs(path);
		},
		unmountBpffs(path) {
			requireThat(isAbsolute(path), `${path} is not an absolute path`);
			raw.unmountBpffs(path);
		},
		releaseMemory: () => raw.releaseMemory(),
		sendDatagram(path, bytes) {
			requireThat(/^[/@]./.test(path), `${path} is not the path of a socket`);
			raw.sendDatagram(path, bytes);
		},
		peerUid(fd) {
			requireThat(isWithin(fd, 0, 0x7fff_ffff), `${fd} is not a file descriptor`);
			return raw.peerUid(fd);
		},
		attached(cgroup) {
			requireThat(isAbsolute(cgroup), `cgroup: ${cgroup} is not an absolute path`);
			return raw.attached(cgroup);
		},
		pins(folder, cgroup) {
			requireThat(isAbsolute(folder) && isAbsolute(cgroup), `${folder} or ${cgroup} is not an absolute path`);
			return raw.pins(folder, cgroup);
		},
		removePins(folder) {
			requireThat(isAbsolute(folder), `${folder} is not an absolute path`);
			raw.removePins(folder);
		},
	};
}

interface RawAddon {
	readonly Kernel: new (pins: string, cgroup: string, sizes: object, detached: boolean) => RawKernel;
	readonly libbpfVersion: string;
	/** Smallest batch [bytes]: one record. */
	readonly largestRecord: number;
	readonly parseRequestBytes: number;
	parse(request: Uint8Array, bytes: Uint8Array): boolean;
	destroySocket(socket: SocketName): Promise<number>;
	mountBpffs(path: string): void;
	unmountBpffs(path: string): void;
	releaseMemory(): void;
	sendDatagram(path: string, bytes: Uint8Array): void;
	peerUid(fd: number): number;
	attached(cgroup: string): AttachedProgram[];
	pins(folder: string, cgroup: string): PinsFound | null;
	removePins(folder: string): void;
	setErrorClass(errorClass: typeof NativeError): void;
}

type RawKernel = Omit<Kernel, "sum" | "destroySocket"> & {
	shape(map: MapName): { readonly keyBytes: number; readonly valueBytes: number };
};

class CheckedKernel implements Kernel {
	readonly adopted: boolean;
	readonly #addon: RawAddon;
	readonly #programs: ReadonlySet<string>;
	#raw: RawKernel | null;
	#started = false;

	constructor(addon: RawAddon, options: LoadOptions) {
		requireThat(isAbsolute(options.pins), `pins: ${options.pins} is not an absolute path`);
		requireThat(
			options.detached === true || isAbsolute(options.cgroup),
			`cgroup: ${options.cgroup} is not an absolute path`,
		);
		for (const [map, entries] of Object.entries(options.sizes)) {
			requireThat(isWithin(entries, 1, 0xffff_ffff), `sizes.${map}: ${entries} is not from 1 to 4294967295`);
		}
		this.#addon = addon;
		this.#raw = new addon.Kernel(options.pins, options.cgroup, options.sizes, options.detached ?? false);
		this.adopted = this.#raw.adopted;
		this.#programs = new Set(this.#raw.programs().map((program) => program.name));
	}

	installPolicy(rows: Uint8Array, generation: number): void {
		requireThat(rows.length > 0 && rows.length % ROW === 0, `rows: ${rows.length} bytes are not a multiple of ${ROW}`);
		requireThat(isWithin(generation, 1, 0xffff_ffff), `generation: ${generation} is not from 1 to 4294967295`);
		this.#open.installPolicy(rows, generation);
	}

	readPolicy(): Buffer | null {
		return this.#open.readPolicy();
	}

	dump(map: MapName): { readonly keys: Buffer; readonly values: Buffer; readonly count: number } {
		return this.#open.dump(map);
	}

	count(map: MapName): Promise<{ readonly entries: number; readonly capacity: number }> {
		return this.#open.count(map);
	}

	lookup(map: MapName, key: Uint8Array): Buffer | null {
		this.#checkKey(map, key);
		return this.#open.lookup(map, key);
	}

	update(map: MapName, key: Uint8Array, value: Uint8Array): void {
		this.#checkKey(map, key);
		const { valueBytes } = this.#open.shape(map);
		requireThat(value.length === valueBytes, `values of map ${map} have ${valueBytes} bytes, not ${value.length}`);
		this.#open.update(map, key, value);
	}

	remove(map: MapName, key: Uint8Array): boolean {
		this.#checkKey(map, key);
		return this.#open.remove(map, key);
	}

	sum(map: "counters" | "rules"): BigUint64Array {
		const { values } = this.#open.dump(map);
		return new BigUint64Array(values.buffer, values.byteOffset, values.length / BigUint64Array.BYTES_PER_ELEMENT);
	}

	start(maxBytes: number, onBatch: (batch: Buffer, length: number) => void): void {
		const least = this.#addon.largestRecord;
		requireThat(
			isWithin(maxBytes, least, 0xffff_ffff),
			`maxBytes: ${maxBytes} is less than the ${least} bytes of one record`,
		);
		requireThat(!this.#started, "the ring has a reader already");
		this.#open.start(maxBytes, onBatch);
		this.#started = true;
	}

	drain(): number {
		requireThat(this.#started, "the ring has no reader");
		return this.#open.drain();
	}

	positions(): RingPositions {
		requireThat(this.#started, "the ring has no reader");
		return this.#open.positions();
	}

	stop(): void {
		this.#started = false;
		this.#open.stop();
	}

	programs(): ProgramFacts[] {
		return this.#open.programs();
	}

	testRun(program: string, data: Uint8Array, repeat: number): TestRun {
		requireThat(this.#programs.has(program), `there is no program ${program}`);
		requireThat(isWithin(repeat, 1, 0x7fff_ffff), `repeat: ${repeat} is not from 1 to 2147483647`);
		return this.#open.testRun(program, data, repeat);
	}

	destroySocket(socket: SocketName): Promise<number> {
		requireThat(socket.local.length === 16 && socket.remote.length === 16, "local, remote: an address has 16 bytes");
		return this.#addon.destroySocket(socket);
	}

	attach(): void {
		this.#open.attach();
	}

	linkFaults(): LinkFault[] {
		return this.#open.linkFaults();
	}

	pinFaults(): PinFault[] {
		return this.#open.pinFaults();
	}

	detach(): void {
		this.#open.detach();
	}

	close(): void {
		this.#started = false;
		this.#raw?.close();
		this.#raw = null;
	}

	get #open(): RawKernel {
		if (this.#raw === null) throw new NativeError("the handles are closed", "EBADF", "arguments", "");
		return this.#raw;
	}

	#checkKey(map: MapName, key: Uint8Array): void {
		const { keyBytes } = this.#open.shape(map);
		requireThat(key.length === keyBytes, `keys of map ${map} have ${keyBytes} bytes, not ${key.length}`);
	}
}

function requireThat(condition: boolean, message: string): void {
	if (!condition) throw new NativeError(message, "EINVAL", "arguments", "");
}

function isWithin(value: number, least: number, most: number): boolean {
	return Number.isInteger(value) && value >= least && value <= most;
}
