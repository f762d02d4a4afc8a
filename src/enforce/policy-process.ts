import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { serialize } from "node:v8";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import { BusyError, Turns } from "../system/turns.ts";
import type { BuildRequest, Built, LayerRequest } from "./build-policy.ts";
import { pack, unpack } from "./packed-policy.ts";
import {
	type CheckRequest,
	FrameReader,
	type FromPolicyChild,
	type ListFolder,
	READING,
	type ToPolicyChild,
} from "./policy-messages.ts";

/** The process did not finish in time. The policy may be valid. */
export class BuildTimeoutError extends Error {
	/** @param file the list file that was read last, or null */
	constructor(file: string | null = null) {
		const last = file === null ? "" : `; the list that was read last is "${file}", whose file system may hang`;
		super(`the policy was not checked in time${last}`);
		this.name = "BuildTimeoutError";
	}
}

/** The policy needs more memory than a policy may, or than the host or the unit has left (`megabytes` null). */
export class TooLargeError extends Error {
	constructor(bytes: number, megabytes: number | null) {
		const more = megabytes === null ? "than the host or the unit has left" : `than ${megabytes} MB`;
		super(
			`the policy needs more memory to be checked ${more} (its text has ${bytes} bytes); use fewer or shorter lists`,
		);
		this.name = "TooLargeError";
	}
}

/**
 * Builds and checks policies, each in a process of its own that has a limit of memory and of time. One process runs at
 * a time. A build ends a check in progress: clients that may check but not load cannot delay a load.
 */
export class PolicyProcess {
	readonly #checks = new Turns(WAITING);
	readonly #builds = new Turns(WAITING);
	readonly #timeout: number;
	readonly #memory: number;
	#check: Run | null = null;
	#build: Promise<unknown> | null = null;
	#running: Run | null = null;
	#closed = false;

	/** `timeout`: the longest time of a request [ms]; `memory`: the most resident memory of the process [MB] */
	constructor({ timeout = TIMEOUT, memory = MEMORY_MB } = {}) {
		this.#timeout = timeout;
		this.#memory = memory;
	}

	/**
	 * Rejects with BusyError if too many requests wait, with BuildTimeoutError or TooLargeError if the policy needs too
	 * much time or memory, and with Error if the process fails otherwise.
	 */
	build(request: BuildRequest, lists: ListFolder): Promise<Built> {
		return this.#built({ type: "build", lists, request }, request.text.length);
	}

	/** As build(), of a policy that was checked before. */
	layer(request: LayerRequest): Promise<Built> {
		return this.#built({ type: "layer", request: { ...request, policy: pack(request.policy) } }, 0);
	}

	#built(asked: ToPolicyChild, bytes: number): Promise<Built> {
		return this.#builds.take(async () => {
			const check = this.#check;
			check?.end(new BusyError());
			const run = this.#run(asked, bytes, check?.ended);
			this.#build = run.catch(() => {});
			const { value, rows } = await run.finally(() => {
				this.#build = null;
			});
			const built = value as FromPolicyChild["build"];
			return built.ok ? { ...built, policy: unpack(built.policy), rows } : built;
		});
	}

	/** As build(). Rejects with BusyError too if a policy is being built meanwhile. */
	check(request: CheckRequest, lists: ListFolder): Promise<PolicyCheck> {
		return this.#checks.take(async () => {
			while (this.#build !== null) await this.#build;
			const run = this.#run({ type: "check", lists, ...request }, request.text.length);
			this.#check = this.#running;
			const { value } = await run.finally(() => {
				this.#check = null;
			});
			return value as FromPolicyChild["check"];
		});
	}

	close(): void {
		this.#closed = true;
		this.#running?.end(new Error("the daemon is stopping"));
	}

	async #run(asked: ToPolicyChild, bytes: number, after?: Promise<void>): Promise<{ value: unknown; rows: Buffer }> {
		if (after !== undefined) await after;
		if (this.#closed) throw new Error("the daemon is stopping");
		const run = new Run(serialize(asked), { timeout: this.#timeout, memory: this.#memory, bytes });
		this.#running = run;
		try {
			return await run.answer;
		} finally {
			if (this.#running === run) this.#running = null;
		}
	}
}

interface RunLimits {
	readonly timeout: number;
	readonly memory: number;
	/** Of the policy's text, for the message. */
	readonly bytes: number;
}

/** One process. */
class Run {
	readonly answer: Promise<{ value: unknown; rows: Buffer }>;
	/** Resolves when the process has ended. */
	readonly ended: Promise<void>;
	readonly #child: ChildProcess;
	readonly #close: (code: number | null) => void;
	#reason: Error | null = null;

	constructor(asked: Buffer, limits: RunLimits) {
		const child = start(limits.memory);
		this.#child = child;
		const reader = new FrameReader(ANSWER_BYTES);
		let complaints = "";
		child.stdout?.on("data", (bytes: Buffer) => {
			try {
				reader.take(bytes);
			} catch {
				this.end(this.#tooLarge(limits));
			}
		});
		child.stderr?.setEncoding("utf8").on("data", (text: string) => {
			complaints = (complaints + text).slice(-COMPLAINTS);
		});
		/* A process that has ended takes no request; its end is reported below. */
		child.stdin?.on("error", () => {});
		child.stdin?.end(asked);
		const timeout = setTimeout(() => this.end(new BuildTimeoutError(fileOf(complaints))), limits.timeout);
		const look = setInterval(() => {
			if (residentBytes(child.pid) > limits.memory * MB) this.end(this.#tooLarge(limits));
		}, LOOK);
		const { promise, resolve } = Promise.withResolvers<void>();
		this.ended = promise;
		const answer = Promise.withResolvers<{ value: unknown; rows: Buffer }>();
		this.answer = answer.promise;
		this.#close = (code) => {
			clearTimeout(timeout);
			clearInterval(look);
			resolve();
			const whole = this.#reason === null && code === 0 ? reader.whole() : null;
			if (whole !== null) answer.resolve(whole);
			else answer.reject(this.#reason ?? this.#failure(code, complaints, limits));
		};
		child.once("error", (error) => {
			this.#reason ??= error;
			if (child.pid === undefined) this.#close(null);
		});
		child.once("close", this.#close);
	}

	/** Ends the process, unless it has ended. The answer is then `reason`. */
	end(reason: Error): void {
		this.#reason ??= reason;
		this.#child.kill("SIGKILL");
		/* A process that waits for a file system that hangs may outlive SIGKILL. The next load must not wait for it. */
		setTimeout(() => this.#close(null), END).unref();
	}

	#tooLarge({ bytes, memory }: RunLimits): TooLargeError {
		return new TooLargeError(bytes, memory);
	}

	#failure(code: number | null, complaints: string, limits: RunLimits): Error {
		/* V8 aborts when its heap is full. */
		if (/out of memory|allocation failed|bad_alloc/i.test(complaints)) return this.#tooLarge(limits);
		if (code === null) return new TooLargeError(limits.bytes, null);
		/* Node writes the source line, the error, its stack, and its own version. */
		const lines = complaints.trim().split("\n");
		const line = lines.findLast((each) => /^\w*Error\b/.test(each)) ?? lines.at(-1) ?? "";
		return new Error(`the process that checks policies ended with code ${code}: ${line}`);
	}
}

function start(memory: number): ChildProcess {
	const cache = getCompileCacheDir();
	const file = fileURLToPath(new URL("./policy-child.ts", import.meta.url));
	const heap = Math.floor(memory * HEAP);
	/* The daemon's options first: a later one replaces an earlier one. */
	const node = [
		process.execPath,
		...process.execArgv,
		`--max-old-space-size=${heap}`,
		"--max-semi-space-size=16",
		file,
	];
	/* Buffers are outside of V8's heap: the limit of data covers both, where the shell may set it. */
	const shell = ["-c", CONFINED, String(2 * memory * 1024), ...node];
	return spawn("/bin/sh", shell, {
		stdio: ["pipe", "pipe", "pipe"],
		/* getCompileCacheDir() is the subfolder of this version of Node. */
		env: cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) },
	});
}

/** The list file that the process read last, or null. */
function fileOf(complaints: string): string | null {
	const line = complaints.split("\n").findLast((each) => each.startsWith(READING));
	return line === undefined ? null : line.slice(READING.length);
}

/**
 * A script that runs its arguments without capabilities: what parses a stranger's text needs none. Limits and capabilities
 * are those of a process before Node starts its threads, each of which has its own. Root regains at exec(2) what the
 * bounding set has, which only root can reduce; a sandbox may forbid capset(2), and others lose all they have with the
 * ambient set. See docs/decisions/0015-privilege.md.
 */
export const CONFINED = `ulimit -c 0; ulimit -d "$0" 2>/dev/null
for sets in "--bounding-set=-all --inh-caps=-all" --inh-caps=-all ""; do
	setpriv --no-new-privs --ambient-caps=-all $sets true 2>/dev/null || continue
	exec setpriv --no-new-privs --ambient-caps=-all $sets "$@"
done
exec "$@"`;

/** 0 if the process has ended. */
function residentBytes(pid: number | undefined): number {
	try {
		return Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * PAGE;
	} catch {
		return 0;
	}
}

const MB = 1024 * 1024;
const PAGE = 4_096;
/** Requests in progress and waiting, of each kind. Each holds up to LIMITS.policyBytes of text. */
const WAITING = 8;
/** A policy of a million names takes 330 MB. */
const MEMORY_MB = 448;
/** Share of the memory that V8's heap may have. */
const HEAP = 0.6;
const ANSWER_BYTES = 256 * MB;
const COMPLAINTS = 4_096;
/** [ms] */
const TIMEOUT = 60_000;
const LOOK = 20;
/** From SIGKILL until the process is given up [ms]. */
const END = 2_000;
