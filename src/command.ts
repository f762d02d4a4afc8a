import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { text } from "node:stream/consumers";
import { SallyportError } from "./base/errors.ts";
import { readVersion } from "./base/version.ts";
import type { Output, Signals } from "./cli/deps.ts";
import { runCommandLine } from "./cli/program.ts";
import { journalEntry } from "./connections/journal-entry.ts";
import { startDaemon } from "./daemon/daemon.ts";
import { giveBack } from "./daemon/release-memory.ts";
import { attachAlone, detachAlone } from "./daemon/stand-alone.ts";
import { supervise } from "./daemon/supervise.ts";
import { findings } from "./doctor/findings.ts";
import { gather } from "./doctor/host-facts.ts";
import { checkPolicyFile } from "./enforce/check-policy-file.ts";
import { hostEnvironment } from "./enforce/policy-environment.ts";
import { Users } from "./identity/users.ts";
import { hashPassword } from "./metrics/password.ts";
import { openAddon } from "./native/addon.ts";
import type { Addon } from "./native/binding.ts";
import { comparePolicies } from "./policy/evaluate/compare.ts";
import type { ConnectionView } from "./records/view.ts";
import { JOURNAL_SOCKET, Journal } from "./system/journal.ts";
import { serviceManager } from "./system/notify.ts";
import { findObstacle, readFacts } from "./system/preflight.ts";

/** Bytes that wait for a slow reader before lines are left out. */
const MOST_WAITING = 16 * 1024 * 1024;

/** Entries a second in the long run and at once; journald's own limit is 10,000 in 30 s. */
const JOURNAL_RATE = { rate: 200, burst: 2_000 };

/** One run of the command line: everything real is handed in here. Returns the exit code. */
export function runCommand(args: readonly string[]): Promise<number> {
	const version = readVersion();
	const manager = serviceManager(process.env, process.pid, (path, bytes) => open().sendDatagram(path, bytes));
	return runCommandLine(args, {
		version,
		out: output(process.stdout),
		err: output(process.stderr),
		signals: signals(),
		async start(config, log) {
			const daemon = await startDaemon(config, { openAddon: open, log, version, started: giveBack });
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
		openJournal,
		async doctor(config) {
			const findingsOf = gather(config, open(), (file) => checkPolicyFile(file, environmentBeside(file)));
			return { findings: findings(findingsOf) };
		},
		checkPolicy: (file) => checkPolicyFile(file, environmentBeside(file)),
		comparePolicy(before, file) {
			const beside = before.source.startsWith("/") ? before.source : file;
			return comparePolicies(
				{ ...before, environment: environmentBeside(beside) },
				{ text: readFileSync(file, "utf8"), source: file, environment: environmentBeside(file) },
			);
		},
		async replay(request) {
			/* What reads captures is no part of the daemon. */
			const { replay } = await import("./replay/replay.ts");
			const { parse } = open();
			const environment = environmentBeside(request.policy ?? ".");
			return replay(request, { parse, environment, input: process.stdin });
		},
		readFile: (file) => readFileSync(file, "utf8"),
		readInput: () => text(process.stdin),
		hashPassword,
		keys,
	});
}

function environmentBeside(file: string) {
	const users = new Users();
	return hostEnvironment({ folder: dirname(file), uidOf: (name) => users.uidOf(name) });
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
			`The native addon cannot be loaded: ${(error as Error).message.split("\n", 1)[0]}.`,
			"Build it: npm run build (npm start does).",
			error,
		);
	}
}

function output(stream: NodeJS.WriteStream): Output {
	const gone: (() => void)[] = [];
	stream.on("error", (error: NodeJS.ErrnoException) => {
		/* The reader left, as head(1) does. */
		if (error.code !== "EPIPE") throw error;
		for (const tell of gone) tell();
	});
	return {
		terminal: stream.isTTY === true,
		colours: stream.isTTY === true && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb",
		width: () => stream.columns || 80,
		height: () => stream.rows || 24,
		write(text) {
			if (stream.writableLength > MOST_WAITING) return false;
			stream.write(text);
			return true;
		},
		onClosed: (tell) => void gone.push(tell),
		onResize(resized) {
			stream.on("resize", resized);
			return () => stream.off("resize", resized);
		},
	};
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
