import { existsSync, fstatSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { getSystemErrorMessage } from "node:util";
import { DEFAULTS } from "./base/config.ts";
import { EXIT, SallyportError, sentence } from "./base/errors.ts";
import { readVersion } from "./base/version.ts";
import type { Output, Signals } from "./cli/deps.ts";
import { runCommandLine } from "./cli/program.ts";
import { journalEntry } from "./connections/journal-entry.ts";
import { startDaemon } from "./daemon/daemon.ts";
import { releaseMemory } from "./daemon/release-memory.ts";
import { attachAlone, detachAlone } from "./daemon/stand-alone.ts";
import { supervise } from "./daemon/supervise.ts";
import { findings } from "./doctor/findings.ts";
import { gather } from "./doctor/host-facts.ts";
import { checkPolicyFile } from "./enforce/build-policy.ts";
import { type KernelStateOptions, kernelState } from "./enforce/kernel-state.ts";
import { hostEnvironment, readMountinfo } from "./enforce/policy-environment.ts";
import { Users } from "./identity/users.ts";
import { hashPassword } from "./metrics/password.ts";
import { openAddon } from "./native/addon.ts";
import type { Addon, AttachedProgram } from "./native/binding.ts";
import { comparePolicies } from "./policy/evaluate/compare.ts";
import type { ConnectionView } from "./records/view.ts";
import { watchedCgroup } from "./system/cgroup.ts";
import { JOURNAL_SOCKET, Journal } from "./system/journal.ts";
import { serviceManager } from "./system/notify.ts";
import { findObstacle, readFacts } from "./system/preflight.ts";

/** Bytes buffered for a slow reader before lines are dropped. */
const BUFFERED = 16 * 1024 * 1024;

/** Entries per second in the long run, and at once. journald's own limit is 10,000 in 30 s. */
const JOURNAL_RATE = { rate: 200, burst: 2_000 };

/** Runs the command line with the real system behind it. Resolves with the exit code; rejects only by a bug. */
export async function runCommand(args: readonly string[]): Promise<number> {
	const version = readVersion();
	const out = output(process.stdout);
	const err = output(process.stderr);
	const defaults: KernelStateOptions = DEFAULTS;
	const manager = serviceManager(process.env, process.pid, (path, bytes) => open().sendDatagram(path, bytes));
	const code = await runCommandLine(args, {
		version,
		out,
		err,
		signals: signals(),
		async start(config, log) {
			const daemon = await startDaemon(config, { openAddon: open, log, version, release: releaseMemory });
			return manager === null ? daemon : supervise(daemon, manager, log);
		},
		async attach(config, log) {
			requireMachine();
			return attachAlone(config, open(), log);
		},
		async detach(config) {
			requireMachine();
			return detachAlone(config, open());
		},
		kernelState: (at = {}) => kernelState({ ...defaults, ...at }, open),
		attachedPrograms,
		openJournal,
		async doctor(config) {
			const facts = gather(config, open(), (file) => checkPolicyFile(file, environmentBeside(file)));
			return { findings: findings(facts) };
		},
		checkPolicy: (file) => checkPolicyFile(file, environmentBeside(resolve(file))),
		comparePolicy(before, after) {
			const beside = before.origin === "file" ? before.source : after.source;
			return comparePolicies(
				{ ...before, environment: environmentBeside(beside) },
				{ ...after, environment: environmentBeside(after.source) },
			);
		},
		async replay(request) {
			/* Imported only here: the daemon does not read captures. */
			const { replay } = await import("./replay/replay.ts");
			const { parse } = open();
			const environment = environmentBeside(request.policy ?? ".");
			return replay(request, { parse, environment, input: process.stdin });
		},
		caller: () => process.env["SUDO_USER"] ?? userInfo().username,
		readFile: (file) => readFileSync(file, "utf8"),
		readInput: () => text(process.stdin),
		hashPassword,
		keys,
	});
	const failure = await out.end();
	if (failure === null) return code;
	err.write(`sallyport: Standard output cannot be written: ${getSystemErrorMessage(failure.errno ?? 0)}.\n`);
	return EXIT.OUTPUT_FAILED;
}

function environmentBeside(file: string) {
	const users = new Users();
	return hostEnvironment({ folder: dirname(file), uidOf: (name) => users.uidOf(name) });
}

/* Programs at a cgroup also judge the cgroups below it. */
function attachedPrograms(cgroup: string | null): AttachedProgram[] {
	requireMachine();
	const root = watchedCgroup(null, readMountinfo()).path;
	const { path } = watchedCgroup(cgroup, readMountinfo());
	const programs: AttachedProgram[] = [];
	for (let folder = path; folder.startsWith(root); folder = dirname(folder)) programs.push(...open().attached(folder));
	return programs;
}

function requireMachine(): void {
	const obstacle = findObstacle(readFacts());
	if (obstacle !== null) throw obstacle;
}

function openJournal(): ((connection: ConnectionView) => void) | null {
	if (!existsSync(JOURNAL_SOCKET)) return null;
	const addon = open();
	const journal = new Journal({ ...JOURNAL_RATE, send: addon.sendDatagram, now: () => performance.now() });
	return (connection) => journal.write(journalEntry(connection));
}

function keys(pressed: (key: string) => void): () => void {
	const { stdin } = process;
	if (!stdin.isTTY) return () => {};
	const onData = (data: Buffer) => pressed(data.toString("latin1"));
	stdin.setRawMode(true);
	stdin.on("data", onData);
	return () => {
		stdin.off("data", onData);
		stdin.setRawMode(false);
		stdin.pause();
	};
}

function open(): Addon {
	try {
		return openAddon();
	} catch (error) {
		throw new SallyportError(
			"NO_ADDON",
			`The native addon cannot be loaded: ${sentence(error).split("\n", 1)[0]}.`,
			"Build it with `npm run build`; `npm start` does so too.",
			error,
		);
	}
}

interface ProcessOutput extends Output {
	/** Waits until all output is written. Returns the error of a failed write, such as ENOSPC; a closed pipe is not an error. */
	readonly end: () => Promise<NodeJS.ErrnoException | null>;
}

function output(stream: NodeJS.WriteStream & { readonly fd: number }): ProcessOutput {
	const listeners: (() => void)[] = [];
	let written = false;
	let ended = false;
	let failure: NodeJS.ErrnoException | null = null;
	stream.on("error", (error: NodeJS.ErrnoException) => {
		/* Later errors follow from the first one. EPIPE: the reader has ended, as head(1) does. */
		if (ended) return;
		ended = true;
		if (error.code !== "EPIPE") failure = error;
		for (const notify of listeners) notify();
	});
	return {
		async end() {
			if (written && !ended) await new Promise<void>((resolve) => void stream.write("", () => resolve()));
			return failure;
		},
		terminal: stream.isTTY === true,
		journal: isJournal(stream),
		colours: stream.isTTY === true && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb",
		width: () => stream.columns || 80,
		height: () => stream.rows || 24,
		write(text) {
			if (ended) return true;
			if (stream.writableLength > BUFFERED) return false;
			written = true;
			stream.write(text);
			return true;
		},
		onClosed: (notify) => void listeners.push(notify),
		onResize(resized) {
			stream.on("resize", resized);
			return () => stream.off("resize", resized);
		},
	};
}

/* systemd.exec(5): $JOURNAL_STREAM is the device and inode of the stream, and is also inherited by programs whose
 * output goes elsewhere. */
function isJournal({ fd }: NodeJS.WriteStream & { readonly fd: number }): boolean {
	const { dev, ino } = fstatSync(fd, { bigint: true });
	return process.env["JOURNAL_STREAM"] === `${dev}:${ino}`;
}

function signals(): Signals {
	return {
		ended() {
			const { promise, resolve } = Promise.withResolvers<void>();
			for (const signal of ["SIGINT", "SIGTERM"] as const) {
				process.once(signal, () => {
					resolve();
					process.once(signal, () => process.exit(1));
				});
			}
			return promise;
		},
		onHangup: (reload) => void process.on("SIGHUP", reload),
	};
}
