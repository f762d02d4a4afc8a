/** The command line's environment in memory, and a fake daemon whose answers the test gives. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Config } from "../../../src/base/config.ts";
import type {
	AttachResult,
	CliDeps,
	Finding,
	Output,
	ReplayReport,
	ReplayRequest,
	RunningDaemon,
} from "../../../src/cli/deps.ts";
import { runCommandLine } from "../../../src/cli/program.ts";
import type { Comparison } from "../../../src/policy/evaluate/compare.ts";
import type { ConnectionView } from "../../../src/records/view.ts";

export class Terminal implements CliDeps {
	readonly version = "9.9.9";
	stdout = "";
	stderr = "";
	readonly configs: Config[] = [];
	readonly calls: string[] = [];
	connections: ConnectionView[] = [];
	failure: Error | null = null;
	comparison: Comparison = { problems: [], changes: [], decidedOtherwise: () => [] };
	size = { width: 140, height: 30 };
	press: (key: string) => void = () => {};
	resized: () => void = () => {};
	end: () => void = () => {};
	readonly out: Output;
	readonly err: Output;
	readonly signals;

	/** `stays`: only the test sends signals. */
	constructor(isTerminal = false, stays = false) {
		const output = (append: (text: string) => void): Output => ({
			terminal: isTerminal,
			colours: isTerminal,
			width: () => this.size.width,
			height: () => this.size.height,
			onClosed: () => {},
			onResize: (resized) => {
				this.resized = resized;
				return () => this.calls.push("unresize");
			},
			write: (text) => {
				append(text);
				return true;
			},
		});
		this.out = output((text) => {
			this.stdout += text;
		});
		this.err = output((text) => {
			this.stderr += text;
		});
		const { promise, resolve } = Promise.withResolvers<void>();
		this.end = resolve;
		this.signals = { ended: () => (stays ? promise : Promise.resolve()), onHangup: () => {} };
	}

	readonly start = async (config: Config): Promise<RunningDaemon> => {
		this.configs.push(config);
		if (this.failure !== null) throw this.failure;
		return {
			watch: (emit) => {
				for (const connection of this.connections) emit(connection);
				return async () => void this.calls.push("unwatch");
			},
			reload: async () => {},
			summary: () => ({ lost: 0 }),
			health: () => ({ problem: null, line: "well" }),
			stop: async () => void this.calls.push("stop"),
		};
	};

	readonly checkPolicy = (file: string) => {
		const ok = !file.includes("bad");
		const problem = { file, line: 1, column: 2, path: "mode", message: "wrong\x1b", expected: "right" };
		return {
			ok,
			problems: ok ? [] : [problem],
			warnings: file.includes("wide") ? [{ ...problem, message: "open\x1b" }] : [],
			facts: ok ? { mode: "enforce", rules: 1, prefixes: 2, names: 1, bytes: 4096 } : null,
		};
	};

	replayed: ReplayReport = { rows: [], files: [] };
	readonly replayRequests: ReplayRequest[] = [];
	readonly replay = async (request: ReplayRequest): Promise<ReplayReport> => {
		this.replayRequests.push(request);
		return this.replayed;
	};
	attached: AttachResult = {
		origin: "kept",
		generation: 7,
		mode: "enforce",
		rules: 3,
		source: "/etc/sallyport/policy.yaml",
		savedAt: "2026-11-22T00:00:00.000Z",
		problems: [],
		cgroup: "/sys/fs/cgroup",
		pins: "/sys/fs/bpf/sallyport",
	};
	readonly asked: object[] = [];
	readonly attach = async (config: object) => {
		this.asked.push(config);
		return this.attached;
	};
	wasThere = true;
	readonly detach = async ({ pins }: { pins: string }) => ({ wasThere: this.wasThere, pins });
	journal: ConnectionView[] | null = [];
	inKernel: string | null = null;
	readonly stateAsked: object[] = [];
	readonly kernelState = (at: object = {}) => {
		this.stateAsked.push(at);
		return this.inKernel;
	};
	programs: { hook: string; name: string; id: number }[] = [];
	readonly attachedPrograms = () => this.programs;
	readonly openJournal = () => {
		const { journal } = this;
		return journal === null ? null : (connection: ConnectionView) => void journal.push(connection);
	};
	findings: Finding[] = [];
	readonly doctor = async () => ({ findings: this.findings });

	readonly comparePolicy = () => this.comparison;
	readonly caller = () => "alice";
	readonly readFile = () => "version: 1\n";
	readonly readInput = async () => "secret\n";
	readonly hashPassword = async (password: string) => `hash-of-${password}`;
	readonly keys = (pressed: (key: string) => void) => {
		this.press = pressed;
		return () => this.calls.push("unkeys");
	};
}

export async function cli(line: string | readonly string[], terminal = new Terminal()) {
	const args = typeof line === "string" ? line.split(" ").filter((word) => word !== "") : line;
	const code = await runCommandLine(args, terminal);
	return { code, terminal, stdout: terminal.stdout, stderr: terminal.stderr };
}

export interface Asked {
	readonly method: string;
	readonly path: string;
	/** The last value of each parameter. */
	readonly query: Record<string, string>;
	readonly parameters: URLSearchParams;
	readonly headers: IncomingMessage["headers"];
	readonly body: string;
}

export type Answer = (asked: Asked, response: ServerResponse) => unknown;

/**
 * A fake daemon on a unix socket. It sends a returned object as JSON; undefined means that `answer` has written the response
 * itself.
 */
export async function fakeDaemon(path: string, answer: Answer): Promise<{ asked: Asked[]; close(): Promise<void> }> {
	const asked: Asked[] = [];
	const server = createServer((request, response) => {
		let body = "";
		request.setEncoding("utf8").on("data", (part) => {
			body += part;
		});
		request.on("end", () => {
			const url = new URL(request.url ?? "", "http://x");
			const one = {
				method: request.method ?? "",
				path: url.pathname,
				query: Object.fromEntries(url.searchParams),
				parameters: url.searchParams,
				headers: request.headers,
				body,
			};
			asked.push(one);
			const value = answer(one, response);
			if (value !== undefined) response.setHeader("content-type", "application/json").end(JSON.stringify(value));
		});
	});
	await new Promise<void>((resolve) => server.listen(path, resolve));
	return {
		asked,
		close: () =>
			new Promise((resolve) => {
				server.closeAllConnections();
				server.close(() => resolve());
			}),
	};
}

/** A problem document (RFC 9457). */
export function problem(response: ServerResponse, status: number, detail: string, more: object = {}): void {
	response.writeHead(status, { "content-type": "application/problem+json" });
	response.end(JSON.stringify({ type: "about:blank", title: "no", status, detail, ...more }));
}
