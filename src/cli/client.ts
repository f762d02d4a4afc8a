import { type IncomingMessage, request } from "node:http";
import { SallyportError } from "../base/errors.ts";
import type { PolicyProblem } from "../policy/read/problem.ts";
import { harmless } from "./text.ts";

/** A request to the daemon. */
export interface DaemonRequest {
	readonly socket: string;
	readonly path: string;
	readonly method?: "GET" | "PUT" | "POST" | "DELETE";
	readonly accept?: string;
	readonly type?: string;
	readonly body?: string;
	readonly headers?: Readonly<Record<string, string>>;
	/** Longest time without a byte [ms]; 0: no limit. */
	readonly timeout?: number;
	readonly signal?: AbortSignal;
}

export interface Reply {
	readonly status: number;
	readonly headers: IncomingMessage["headers"];
	readonly body: IncomingMessage;
}

/**
 * Sends a request over the daemon's unix socket. Any status is a reply.
 * @throws SallyportError DAEMON_UNREACHABLE if there is no reply.
 */
export function send(options: DaemonRequest): Promise<Reply> {
	const { socket, path, method = "GET", accept = "application/json", type, body, timeout = TIMEOUT, signal } = options;
	const { promise, resolve, reject } = Promise.withResolvers<Reply>();
	const sent = request({
		socketPath: socket,
		path,
		method,
		timeout,
		headers: {
			accept,
			...(type === undefined ? {} : { "content-type": type }),
			...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
			...options.headers,
		},
		...(signal === undefined ? {} : { signal }),
	});
	sent.on("response", (response) =>
		resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response }),
	);
	sent.on("timeout", () => sent.destroy(new Error(`no answer within ${timeout / 1000} s`)));
	sent.on("error", (error: NodeJS.ErrnoException) => reject(unreachable(socket, error)));
	sent.end(body);
	return promise;
}

/**
 * The body in parts, as they arrive.
 * @throws SallyportError DAEMON_REFUSED for an error status, DAEMON_UNREACHABLE if there is no reply or it breaks off.
 */
export async function* requestText(options: DaemonRequest): AsyncGenerator<string, void, undefined> {
	const reply = await send(options);
	if (reply.status >= 300) throw refusal(await bodyText(reply), reply.status);
	reply.body.setEncoding("utf8");
	try {
		for await (const part of reply.body) yield part as string;
	} catch (error) {
		throw unreachable(options.socket, error as NodeJS.ErrnoException);
	}
}

/** The body as JSON. Throws what `requestText` throws. */
export async function requestJson<T>(options: DaemonRequest): Promise<T> {
	let all = "";
	for await (const part of requestText(options)) all += part;
	return JSON.parse(all) as T;
}

export interface Page {
	readonly next: string | null;
}

/** The pages of a list of at most `limit` rows. `rowsOf` gives a page's rows. Throws what `requestText` throws. */
export async function* requestPages<P extends Page>(
	socket: string,
	path: string,
	query: URLSearchParams,
	{ limit, rowsOf }: { readonly limit: number; readonly rowsOf: (page: P) => readonly unknown[] },
): AsyncGenerator<P, void, undefined> {
	let left = limit;
	let cursor: string | null = null;
	do {
		const parameters = new URLSearchParams(query);
		parameters.set("limit", String(Math.min(left, MAX_PAGE)));
		if (cursor !== null) parameters.set("cursor", cursor);
		const page: P = await requestJson<P>({ socket, path: `${path}?${parameters}` });
		yield page;
		left -= rowsOf(page).length;
		cursor = page.next;
	} while (cursor !== null && left > 0);
}

/** GET /v1/policy. */
export interface PolicyInForce {
	readonly text: string;
	readonly etag: string;
	readonly generation: number;
	readonly mode: string;
	readonly source: string;
	readonly origin: string;
	readonly loadedAt: string;
	/** Absent in answers of earlier daemons. */
	readonly warnings?: readonly PolicyProblem[];
}

export function policyInForce(socket: string): Promise<PolicyInForce> {
	return requestJson<PolicyInForce>({ socket, path: "/v1/policy" });
}

export async function bodyText({ body }: Reply): Promise<string> {
	let all = "";
	for await (const part of body.setEncoding("utf8")) all += part;
	return all;
}

/** The error for a body of problem details (RFC 9457), or of plain text. */
export function refusal(body: string, status: number): SallyportError {
	let message = body.slice(0, 500) || `The daemon answered with status ${status}.`;
	try {
		const { detail, message: other, title } = JSON.parse(body) as Readonly<Record<string, unknown>>;
		message = String(detail ?? other ?? title ?? message);
	} catch {
		/* plain text */
	}
	return new SallyportError("DAEMON_REFUSED", harmless(message));
}

/** ms */
const TIMEOUT = 30_000;
/** The API's own limit. */
const MAX_PAGE = 10_000;

function unreachable(path: string, error: NodeJS.ErrnoException): SallyportError {
	const [cause, hint] = CAUSES.get(error.code ?? "") ?? [error.code ?? error.message, START];
	const message = `The daemon cannot be reached at ${harmless(path)}: ${cause}.`;
	return new SallyportError("DAEMON_UNREACHABLE", message, hint, error);
}

const START =
	"Start it with `sudo systemctl start sallyport` or `sudo sallyport run`, or name another socket with --socket.";
const CAUSES: ReadonlyMap<string, readonly [cause: string, hint: string]> = new Map(
	Object.entries<readonly [cause: string, hint: string]>({
		ENOENT: ["the socket does not exist, so no daemon runs here", START],
		ECONNREFUSED: ["nothing listens on the socket: the daemon has ended", START],
		EACCES: ["permission denied", "Run the command with sudo, or join the group that owns the socket (sallyport)."],
		ECONNRESET: ["the daemon closed the connection", "Its log has the reason: journalctl -u sallyport."],
	}),
);
