import { request } from "node:http";
import { SallyportError } from "../errors.ts";
import { printable } from "../text.ts";

/** Asks the daemon over its unix socket. The body comes in parts, as it arrives. */
export async function ask(
	socketPath: string,
	path: string,
	accept: string,
	onText: (text: string) => void,
): Promise<void> {
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	const asked = request({ socketPath, path, method: "GET", headers: { accept }, timeout: 30_000 }, (response) => {
		const failed = (response.statusCode ?? 0) >= 300;
		let message = "";
		response.setEncoding("utf8");
		response.on("data", (text: string) => {
			if (failed) message += text;
			else onText(text);
		});
		response.on("error", reject);
		response.on("end", () => {
			if (failed) reject(new SallyportError("DAEMON_REFUSED", `The daemon refused: ${errorMessage(message)}`));
			else resolve();
		});
	});
	asked.on("timeout", () => asked.destroy(new Error("no answer within 30 s")));
	asked.on("error", (error: NodeJS.ErrnoException) =>
		reject(error instanceof SallyportError ? error : unreachable(socketPath, error)),
	);
	asked.end();
	return promise;
}

export async function askJson<T>(socketPath: string, path: string): Promise<T> {
	let text = "";
	await ask(socketPath, path, "application/json", (part) => {
		text += part;
	});
	return JSON.parse(text) as T;
}

function unreachable(path: string, error: NodeJS.ErrnoException): SallyportError {
	const hint =
		error.code === "EACCES"
			? "Run it with sudo, or join the group that owns the socket."
			: "Is `sallyport run` running? --socket names another socket.";
	return new SallyportError(
		"DAEMON_UNREACHABLE",
		`The daemon cannot be reached at ${path}: ${error.code ?? error.message}.`,
		hint,
		error,
	);
}

function errorMessage(body: string): string {
	try {
		return printable(String((JSON.parse(body) as { message?: unknown }).message));
	} catch {
		return printable(body.slice(0, 500));
	}
}
