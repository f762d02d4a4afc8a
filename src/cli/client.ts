import { type IncomingMessage, request } from "node:http";
import { SallyportError } from "../base/errors.ts";
import { printable } from "../base/text.ts";

export interface Question {
	readonly socket: string;
	readonly path: string;
	readonly method?: "GET" | "PUT" | "POST";
	readonly accept?: string;
	readonly type?: string;
	readonly body?: string;
	readonly headers?: Readonly<Record<string, string>>;
	/** ms without a byte; 0: for ever. */
	readonly patience?: number;
	readonly signal?: AbortSignal;
}

export interface Reply {
	readonly status: number;
	readonly headers: IncomingMessage["headers"];
	readonly body: IncomingMessage;
}

/** Asks the daemon over its unix socket. Throws only if there is no answer. */
export function ask(question: Question): Promise<Reply> {
	const { socket, path, method = "GET", accept = "application/json", type, body, patience = PATIENCE } = question;
	const { promise, resolve, reject } = Promise.withResolvers<Reply>();
	const asked = request({
		socketPath: socket,
		path,
		method,
		timeout: patience,
		headers: {
			accept,
			...(type === undefined ? {} : { "content-type": type }),
			...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
			...question.headers,
		},
		...(question.signal === undefined ? {} : { signal: question.signal }),
	});
	asked.on("response", (response) =>
		resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response }),
	);
	asked.on("timeout", () => asked.destroy(new Error(`no answer within ${patience / 1000} s`)));
	asked.on("error", (error: NodeJS.ErrnoException) => reject(unreachable(socket, error)));
	asked.end(body);
	return promise;
}

/** The body in parts as they arrive; a refusal becomes an error. */
export async function* askText(question: Question): AsyncGenerator<string, void, undefined> {
	const reply = await ask(question);
	if (reply.status >= 300) throw refused(await text(reply), reply.status);
	reply.body.setEncoding("utf8");
	try {
		for await (const part of reply.body) yield part as string;
	} catch (error) {
		throw unreachable(question.socket, error as NodeJS.ErrnoException);
	}
}

export async function askJson<T>(question: Question): Promise<T> {
	let all = "";
	for await (const part of askText(question)) all += part;
	return JSON.parse(all) as T;
}

export async function text({ body }: Reply): Promise<string> {
	let all = "";
	for await (const part of body.setEncoding("utf8")) all += part;
	return all;
}

/** RFC 9457, or what else a body may say. */
export function refused(body: string, status: number): SallyportError {
	let said = body.slice(0, 500) || `status ${status}`;
	try {
		const { detail, message, title } = JSON.parse(body) as Readonly<Record<string, unknown>>;
		said = String(detail ?? message ?? title ?? said);
	} catch {
		/* plain text */
	}
	return new SallyportError("DAEMON_REFUSED", `The daemon refused: ${printable(said)}`);
}

const PATIENCE = 30_000;

function unreachable(path: string, error: NodeJS.ErrnoException): SallyportError {
	const [what, hint] = REASONS[error.code ?? ""] ?? [error.code ?? error.message, START];
	return new SallyportError("DAEMON_UNREACHABLE", `The daemon cannot be reached at ${path}: ${what}.`, hint, error);
}

const START =
	"Start it with `sudo systemctl start sallyport` or `sudo sallyport run`, or name another socket with --socket.";
const REASONS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
	ENOENT: ["there is no such socket, so no daemon runs here", START],
	ECONNREFUSED: ["the socket is there, but nobody listens: the daemon has ended", START],
	EACCES: ["permission denied", "Run it with sudo, or join the group that owns the socket (sallyport)."],
	ECONNRESET: ["it hung up", "Its log says why: journalctl -u sallyport."],
};
