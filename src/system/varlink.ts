import { connect, type Socket } from "node:net";

export interface SubscriptionOptions {
	/** Path of the unix socket. */
	readonly socket: string;
	readonly method: string;
	readonly onReply: (parameters: Readonly<Record<string, unknown>>) => void;
	/** Called once, with the reason: the connection was closed, the call was refused, or a message was invalid. */
	readonly onEnd: (reason: Error) => void;
	/** Longest message [bytes]; a longer one ends the call. Default 1 MiB. */
	readonly limit?: number;
}

/**
 * Makes a varlink call with `more`: JSON messages that end with NUL (https://varlink.org/Method-Call). Returns a
 * function that ends it.
 */
export function subscribe({ socket: path, method, onReply, onEnd, limit = 1 << 20 }: SubscriptionOptions): () => void {
	let ended = false;
	let waiting: Buffer[] = [];
	let size = 0;
	const socket: Socket = connect(path);
	const end = (reason: Error) => {
		if (ended) return;
		ended = true;
		socket.destroy();
		onEnd(reason);
	};
	socket.once("connect", () => socket.write(`${JSON.stringify({ method, parameters: {}, more: true })}\0`));
	socket.once("error", end);
	socket.once("close", () => end(new Error("the connection was closed")));
	socket.on("data", (data: Buffer) => {
		let from = 0;
		for (let at = data.indexOf(0); at >= 0 && !ended; at = data.indexOf(0, from)) {
			waiting.push(data.subarray(from, at));
			from = at + 1;
			const whole = Buffer.concat(waiting).toString("utf8");
			waiting = [];
			size = 0;
			const reason = receive(whole, onReply);
			if (reason !== null) end(reason);
		}
		waiting.push(data.subarray(from));
		size += data.length - from;
		if (size > limit) end(new Error(`a message exceeds ${limit} bytes`));
	});
	return () => {
		ended = true;
		socket.destroy();
	};
}

/* Null: more replies follow. */
function receive(text: string, onReply: SubscriptionOptions["onReply"]): Error | null {
	let message: { error?: unknown; parameters?: unknown; continues?: unknown };
	try {
		message = JSON.parse(text);
	} catch {
		return new Error("a message is not JSON");
	}
	if (typeof message !== "object" || message === null) return new Error("a message is not an object");
	if (message.error !== undefined) return new Error(`refused: ${String(message.error)}`);
	if (typeof message.parameters === "object" && message.parameters !== null)
		onReply(message.parameters as Record<string, unknown>);
	return message.continues === true ? null : new Error("the call has ended");
}
