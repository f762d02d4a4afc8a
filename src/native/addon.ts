import { createRequire } from "node:module";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import type {
	Addon,
	AttachedProgram,
	Kernel,
	LoadOptions,
	MapName,
	PinsFound,
	ProgramFacts,
	RingPositions,
	SocketName,
	TestRun,
} from "./binding.ts";
import { NativeError } from "./error.ts";
import { ROW } from "./layout.ts";

const BUILT = fileURLToPath(new URL("../../native/build/Release/sallyport.node", import.meta.url));

/** The addon that `npm run build` has made. C++ trusts its arguments, so all of them are checked here. */
export function openAddon(file: string = BUILT): Addon {
	const raw = createRequire(import.meta.url)(file) as RawAddon;
	raw.setErrorClass(NativeError);
	return {
		libbpfVersion: raw.libbpfVersion,
		load: (options) => new CheckedKernel(raw, options),
		parse(request, bytes) {
			requireThat(
				request.length === raw.parseRequestBytes && request.byteOffset % 8 === 0,
				`a request is ${raw.parseRequestBytes} bytes at a multiple of 8`,
			);
			requireThat(raw.parse(request, bytes), "the request asks for bytes that are not there, or is of no known kind");
		},
		mountBpffs(path) {
			requireThat(isAbsolute(path), `${path} is not an absolute path`);
			raw.mountBpffs(path);
		},
		unmountBpffs(path) {
			requireThat(isAbsolute(path), `${path} is not an absolute path`);
			raw.unmountBpffs(path);
		},
		giveBackMemory: () => raw.giveBackMemory(),
		sendDatagram(path, bytes) {
			requireThat(/^[/@]./.test(path), `${path} is no socket's path`);
			raw.sendDatagram(path, bytes);
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
	/** Bytes of the largest record: a batch needs room for one. */
	readonly largestRecord: number;
	readonly parseRequestBytes: number;
	parse(request: Uint8Array, bytes: Uint8Array): boolean;
	destroySocket(socket: SocketName): Promise<number>;
	mountBpffs(path: string): void;
	unmountBpffs(path: string): void;
	giveBackMemory(): void;
	sendDatagram(path: string, bytes: Uint8Array): void;
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
			requireThat(isWithin(entries, 1, 0xffff_ffff), `sizes.${map}: ${entries} is no number of entries`);
		}
		this.#addon = addon;
		this.#raw = new addon.Kernel(options.pins, options.cgroup, options.sizes, options.detached ?? false);
		this.adopted = this.#raw.adopted;
		this.#programs = new Set(this.#raw.programs().map((program) => program.name));
	}

	installPolicy(rows: Uint8Array, generation: number): void {
		requireThat(
			rows.length > 0 && rows.length % ROW === 0,
			`a policy of ${rows.length} bytes is not made of ${ROW}-byte rows`,
		);
		requireThat(isWithin(generation, 1, 0xffff_ffff), `${generation} is no generation`);
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
		requireThat(value.length === valueBytes, `a value of map ${map} has ${valueBytes} bytes, not ${value.length}`);
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
			`a batch of ${maxBytes} bytes is below the ${least} of one record`,
		);
		requireThat(!this.#started, "the ring has a reader");
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
		requireThat(isWithin(repeat, 1, 0x7fff_ffff), `${repeat} is no number of runs`);
		return this.#open.testRun(program, data, repeat);
	}

	destroySocket(socket: SocketName): Promise<number> {
		requireThat(socket.local.length === 16 && socket.remote.length === 16, "an address has 16 bytes");
		return this.#addon.destroySocket(socket);
	}

	attach(): void {
		this.#open.attach();
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
		if (this.#raw === null) throw new NativeError("the kernel's handles are closed", "EBADF", "arguments", "");
		return this.#raw;
	}

	#checkKey(map: MapName, key: Uint8Array): void {
		const { keyBytes } = this.#open.shape(map);
		requireThat(key.length === keyBytes, `a key of map ${map} has ${keyBytes} bytes, not ${key.length}`);
	}
}

function requireThat(condition: boolean, message: string): void {
	if (!condition) throw new NativeError(message, "EINVAL", "arguments", "");
}

function isWithin(value: number, least: number, most: number): boolean {
	return Number.isInteger(value) && value >= least && value <= most;
}
