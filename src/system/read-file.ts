/** Reads regular files. A FIFO, a device or a file system that does not answer is an error, and never a long wait. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";

/** The file is not regular, is too large, or does not answer. */
export class UnreadableFileError extends Error {
	constructor(message: string) {
		super(message);
		this.name = "UnreadableFileError";
	}
}

/**
 * The bytes of a file. Throws UnreadableFileError if it is not regular or has more than `limit` bytes, and system
 * errors. Waits for a file system that does not answer.
 */
export function readRegular(path: string, limit: number): Buffer {
	/* Opening a device can have effects, so the kind is looked at first, and again in case that the file was replaced. */
	mustBeRegular(statSync(path), limit);
	const fd = openSync(path, FLAGS);
	try {
		const bytes = Buffer.allocUnsafeSlow(mustBeRegular(fstatSync(fd), limit));
		let at = 0;
		for (let read = -1; read !== 0 && at < bytes.length; at += read)
			read = readSync(fd, bytes, at, bytes.length - at, at);
		return bytes.subarray(0, at);
	} finally {
		closeSync(fd);
	}
}

/** Reads files with a limit of time. A read that has not ended then keeps one thread, so a file has one at a time. */
export class TimedReader {
	readonly #timeout: number;
	readonly #reading = new Map<string, Promise<Buffer>>();

	/** @param timeout of a read [ms] */
	constructor(timeout: number) {
		this.#timeout = timeout;
	}

	/** As readRegular(). Rejects with UnreadableFileError if the file system does not answer in time. */
	async read(path: string, limit: number): Promise<Buffer> {
		if (this.#reading.has(path))
			throw new UnreadableFileError("an earlier read of it has not ended; its file system hangs");
		const read = readSoon(path, limit);
		this.#reading.set(path, read);
		/* A read that is late frees the path when it ends. */
		read.catch(() => {}).finally(() => this.#reading.delete(path));
		const { promise: late, reject } = Promise.withResolvers<never>();
		const timer = setTimeout(() => {
			reject(new UnreadableFileError(`it was not read within ${this.#timeout / 1000} s; its file system hangs`));
		}, this.#timeout);
		try {
			return await Promise.race([read, late]);
		} finally {
			clearTimeout(timer);
		}
	}
}

async function readSoon(path: string, limit: number): Promise<Buffer> {
	mustBeRegular(await stat(path), limit);
	const file = await open(path, FLAGS);
	try {
		return await readAll(file, mustBeRegular(await file.stat(), limit));
	} finally {
		await file.close();
	}
}

async function readAll(file: FileHandle, size: number): Promise<Buffer> {
	const bytes = Buffer.allocUnsafeSlow(size);
	let at = 0;
	for (let read = -1; read !== 0 && at < size; at += read) read = (await file.read(bytes, at, size - at, at)).bytesRead;
	return bytes.subarray(0, at);
}

/* Opening a FIFO without a writer waits for one, unless O_NONBLOCK is set. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Its size. */
function mustBeRegular(stats: Stats, limit: number): number {
	if (!stats.isFile()) throw new UnreadableFileError(`it is ${kindOf(stats)}, not a regular file`);
	if (stats.size > limit) throw new UnreadableFileError(`it has ${stats.size} bytes; the limit is ${limit}`);
	return stats.size;
}

function kindOf(stats: Stats): string {
	if (stats.isFIFO()) return "a FIFO";
	if (stats.isSocket()) return "a socket";
	return stats.isDirectory() ? "a directory" : "a device";
}
