import stringWidth from "string-width";

/** Terminal columns that a text takes: 2 for wide characters, 0 for combining ones. */
export function displayWidth(text: string): number {
	return ASCII.test(text) ? text.length : stringWidth(text);
}

export function padEnd(text: string, width: number): string {
	return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

export function padStart(text: string, width: number): string {
	return " ".repeat(Math.max(0, width - displayWidth(text))) + text;
}

/** Shortens the end: "agent.serv…". */
export function cutEnd(text: string, room: number): string {
	if (displayWidth(text) <= room) return text;
	return room < 1 ? "" : `${take(graphemes(text), room - 1)}${MARK}`;
}

/** Shortens the middle and keeps both ends: "api.ex…le.com". */
export function cutMiddle(text: string, room: number): string {
	if (displayWidth(text) <= room) return text;
	if (room < 3) return cutEnd(text, room);
	const all = graphemes(text);
	const end = take([...all].reverse(), Math.ceil((room - 1) / 2), true);
	return `${take(all, room - 1 - displayWidth(end))}${MARK}${end}`;
}

/**
 * Shortens a destination, "tcp 192.0.2.1:443" or "udp [2001:db8::1]:53", and keeps the whole port as long as it fits. Drops the
 * protocol first if it is tcp, then the middle of the host.
 */
export function cutEndpoint(text: string, room: number): string {
	if (displayWidth(text) <= room) return text;
	const [, protocol = "", host = text, port = ""] = /^([a-z\d]+ )?(\[.*\]|[^:]*)(:\d+)$/.exec(text) ?? [];
	const left = room - port.length;
	const kept = protocol === "tcp " || left - protocol.length < LEAST_HOST ? "" : protocol;
	return left < 1 ? cutEnd(port, room) : `${kept}${cutMiddle(host, left - kept.length)}${port}`;
}

const MARK = "…";
const LEAST_HOST = 5;
const ASCII = /^[\x20-\x7e]*$/;
const segmenter = new Intl.Segmenter();

function graphemes(text: string): string[] {
	return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/* As many graphemes as `room` columns hold; `reversed` puts them back in reading order. */
function take(all: readonly string[], room: number, reversed = false): string {
	const taken: string[] = [];
	let left = room;
	for (const each of all) {
		left -= displayWidth(each);
		if (left < 0) break;
		taken.push(each);
	}
	return (reversed ? taken.reverse() : taken).join("");
}
