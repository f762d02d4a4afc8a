import { connect, type Socket } from "node:net";

export interface SubscriptionOptions {
	/** Path of the unix socket. */
	readonly socket: string;
	readonly method: string;
	readonly onReply: (parameters: Readonly<Record<string, unknown>>) => void;
	/** Once: the other side is gone, refused, or said what is no varlink. */
	readonly onEnd: (why: Error) => void;
	/** Bytes of a message; a longer one ends it. */
	readonly limit?: number;
}

/** A varlink call with `more`: JSON messages, each ended by a NUL (https://varlink.org/Method-Call). Returns how to end it. */
export function subscribe({ socket: path, method, onReply, onEnd, limit = 1 << 20 }: SubscriptionOptions): () => void {
	let ended = false;
	let waiting: Buffer[] = [];
	let size = 0;
	const socket: Socket = connect(path);
	const end = (why: Error) => {
		if (ended) return;
		ended = true;
		socket.destroy();
		onEnd(why);
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
			const wrong = take(whole, onReply);
			if (wrong !== null) end(wrong);
		}
		waiting.push(data.subarray(from));
		size += data.length - from;
		if (size > limit) end(new Error(`a message of more than ${limit} bytes`));
	});
	return () => {
		ended = true;
		socket.destroy();
	};
}

function take(text: string, onReply: SubscriptionOptions["onReply"]): Error | null {
	let message: { error?: unknown; parameters?: unknown; continues?: unknown };
	try {
		message = JSON.parse(text);
	} catch {
		return new Error("a message that is no JSON");
	}
	if (typeof message !== "object" || message === null) return new Error("a message that is no object");
	if (message.error !== undefined) return new Error(`refused: ${String(message.error)}`);
	if (typeof message.parameters === "object" && message.parameters !== null)
		onReply(message.parameters as Record<string, unknown>);
	return message.continues === true ? null : new Error("the last reply");
}
