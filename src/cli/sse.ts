export interface ServerEvent {
	readonly event: string;
	readonly data: string;
	/** The last id that the server sent. */
	readonly id: string | null;
}

/** Parses server-sent events (WHATWG HTML 9.2.6) from a text that arrives in parts. */
export async function* serverEvents(parts: AsyncIterable<string>): AsyncGenerator<ServerEvent, void, undefined> {
	let rest = "";
	let id: string | null = null;
	let event = "";
	let data: string[] = [];
	for await (const part of parts) {
		const lines = (rest + part).split(/\r\n|\n|\r(?!$)/);
		rest = lines.pop() ?? "";
		for (const line of lines) {
			if (line === "") {
				if (data.length > 0) yield { event: event === "" ? "message" : event, data: data.join("\n"), id };
				event = "";
				data = [];
				continue;
			}
			const colon = line.indexOf(":");
			const field = colon < 0 ? line : line.slice(0, colon);
			const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
			if (field === "data") data.push(value);
			else if (field === "event") event = value;
			else if (field === "id" && !value.includes("\0")) id = value;
		}
	}
}
