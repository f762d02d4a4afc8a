import { PROTOCOL } from "../native/layout.ts";

/** Accepted forms of a protocol, for the messages that refuse other texts. */
export const PROTOCOL_FORMS = "tcp, udp, icmp, icmp6 or a number from 0 to 255";

/** "tcp", "udp", "icmp", "icmp6", or the number as text. */
export function protocolText(protocol: number): string {
	return NAMES.get(protocol) ?? String(protocol);
}

/** The IANA protocol number of a name or a number as text; null: it is neither. */
export function protocolNumber(text: string): number | null {
	const known = NUMBERS.get(text);
	if (known !== undefined) return known;
	return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : null;
}

const NUMBERS: ReadonlyMap<string, number> = new Map(Object.entries(PROTOCOL));
const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(PROTOCOL).map(([name, number]) => [number, name]));
