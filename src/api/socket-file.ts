import { once } from "node:events";
import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import type { Server as HttpServer } from "node:http";
import { connect, createServer, type Server } from "node:net";
import { dirname } from "node:path";
import type { FastifyInstance } from "fastify";
import { SallyportError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";

export interface SocketFileOptions {
	readonly path: string;
	/** Mode 0660 for root and this group; null: 0600. */
	readonly gid: number | null;
	readonly log: Logger;
}

/** The unix socket of the API. If its file is removed or replaced, look() makes it again. */
export class SocketFile {
	/** Why clients cannot connect; null: they can. */
	problem: string | null = null;
	readonly #o: SocketFileOptions;
	#server: HttpServer | null = null;
	#again: Server | null = null;
	#made: string | null = null;
	#looking = false;

	constructor(options: SocketFileOptions) {
		this.#o = options;
	}

	/** Replaces a file that is there, unless another process listens on it. Rejects with SallyportError LISTEN_FAILED. */
	async open(app: FastifyInstance): Promise<void> {
		const { path } = this.#o;
		try {
			await this.#make((path) => app.listen({ path }));
			this.#server = app.server;
		} catch (error) {
			const message = `The API cannot listen on ${path}: ${(error as Error).message}.`;
			throw new SallyportError("LISTEN_FAILED", message, "Choose another with --socket.", error);
		}
	}

	/** To be called now and then. Never rejects. */
	async look(): Promise<void> {
		if (this.#looking || this.#server === null || identityOf(this.#o.path) === this.#made) return;
		const { path, log } = this.#o;
		this.#looking = true;
		try {
			if (this.problem === null) {
				this.problem = `the socket ${path} was removed or replaced`;
				log.error("the API's socket was removed or replaced; it is made again", { socket: path });
			}
			await this.#make((path) => this.#listenAgain(path));
			this.problem = null;
			log.info("the API's socket is there again", { socket: path });
		} catch (error) {
			const problem = `the socket ${path} was removed or replaced, and cannot be made again: ${(error as Error).message}`;
			if (this.problem !== problem) log.error("the API's socket cannot be made again", { socket: path, error });
			this.problem = problem;
		} finally {
			this.#looking = false;
		}
	}

	/** Takes no further connections, and removes the file if it is still this one. */
	close(): void {
		this.#server = null;
		this.#again?.close();
		if (identityOf(this.#o.path) === this.#made) rmSync(this.#o.path, { force: true });
	}

	async #make(listen: (path: string) => Promise<unknown>): Promise<void> {
		const { path, gid } = this.#o;
		mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
		if (await isServed(path)) throw new Error("another process listens there");
		/* A server that closes removes the file of its path, whoever has made it. */
		this.#again?.close();
		this.#again = null;
		rmSync(path, { force: true });
		/* The socket is created with its final mode or less: a chmod afterwards would leave a moment for other users to connect. */
		const umask = process.umask(0o177);
		try {
			await listen(path);
			if (gid !== null) {
				chownSync(path, -1, gid);
				chmodSync(path, 0o660);
			}
		} finally {
			process.umask(umask);
		}
		this.#made = identityOf(path);
	}

	/* The server itself still listens on the file that was removed. */
	async #listenAgain(path: string): Promise<void> {
		const again = createServer({ allowHalfOpen: true }, (socket) => this.#server?.emit("connection", socket));
		this.#again = again;
		again.listen(path);
		await once(again, "listening");
		if (this.#server === null) again.close();
	}
}

/** Device and inode of the file; null: there is none. */
function identityOf(path: string): string | null {
	try {
		const { dev, ino } = lstatSync(path, { bigint: true });
		return `${dev}:${ino}`;
	} catch {
		return null;
	}
}

function isServed(path: string): Promise<boolean> {
	const { promise, resolve } = Promise.withResolvers<boolean>();
	const socket = connect(path);
	socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
	return promise.finally(() => socket.destroy());
}
