/** A DNS response with compressed names (RFC 1035 4.1.4), as real servers send it; dns-packet writes every name in full. */
import { isIPv6 } from "node:net";
import type { ZoneRecord } from "./zone.ts";

export interface Reply {
	readonly id: number;
	readonly flags: number;
	readonly question: { readonly name: string; readonly type: string };
	readonly answers: readonly (ZoneRecord & { readonly name: string })[];
	/** Adds an OPT record (EDNS, RFC 6891). */
	readonly edns: boolean;
}

const TYPES: Record<string, number> = {
	A: 1,
	CNAME: 5,
	PTR: 12,
	TXT: 16,
	AAAA: 28,
	SRV: 33,
	SVCB: 64,
	HTTPS: 65,
	ANY: 255,
};

export function encodeReply(reply: Reply): Buffer {
	const bytes: number[] = [];
	const seen = new Map<string, number>();
	const u16 = (value: number) => bytes.push((value >> 8) & 255, value & 255);
	const name = (text: string) => {
		for (
			let rest = text.replace(/\.$/, "");
			rest !== "";
			rest = rest.includes(".") ? rest.slice(rest.indexOf(".") + 1) : ""
		) {
			const at = seen.get(rest.toLowerCase());
			if (at !== undefined) return void u16(0xc000 | at);
			seen.set(rest.toLowerCase(), bytes.length);
			const label = Buffer.from(rest.split(".", 1)[0] ?? "", "latin1");
			bytes.push(label.length, ...label);
		}
		bytes.push(0);
	};
	for (const word of [reply.id, 0x8000 | reply.flags, 1, reply.answers.length, 0, reply.edns ? 1 : 0]) u16(word);
	name(reply.question.name);
	u16(TYPES[reply.question.type] ?? 1);
	u16(1);
	for (const answer of reply.answers) {
		name(answer.name);
		u16(TYPES[answer.type] ?? 1);
		u16(1);
		const ttl = answer.ttl ?? 60;
		u16(ttl >>> 16);
		u16(ttl & 0xffff);
		const at = bytes.length;
		u16(0);
		if (answer.data.startsWith("hex:")) bytes.push(...Buffer.from(answer.data.slice(4), "hex"));
		else if (answer.type === "CNAME" || answer.type === "PTR") name(answer.data);
		else if (answer.type === "TXT") bytes.push(answer.data.length, ...Buffer.from(answer.data, "latin1"));
		else if (answer.type === "HTTPS" || answer.type === "SVCB") bytes.push(...serviceBytes(answer.data));
		else if (answer.type === "SRV") {
			const [priority, weight, port, target = ""] = answer.data.split(" ");
			for (const word of [priority, weight, port]) u16(Number(word));
			name(target);
		} else bytes.push(...addressBytes(answer.data));
		const length = bytes.length - at - 2;
		bytes[at] = length >> 8;
		bytes[at + 1] = length & 255;
	}
	if (reply.edns) bytes.push(0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0);
	return Buffer.from(bytes);
}

/** RFC 9460 2.2. The parameters keep their order, which may be invalid. */
export function serviceBytes(text: string): number[] {
	const [priority = "", target = "", ...parameters] = text.split(" ");
	const u16 = (value: number) => [value >> 8, value & 255];
	const labels = target === "." ? [] : target.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
	const values = parameters.flatMap((parameter) => {
		const [key = "", value = ""] = parameter.split("=");
		const bytes =
			key === "port"
				? u16(Number(value))
				: key === "alpn"
					? value.split(",").flatMap((one) => [one.length, ...Buffer.from(one)])
					: value.split(",").flatMap(addressBytes);
		return [...u16(SERVICE_KEYS[key] ?? 0), ...u16(bytes.length), ...bytes];
	});
	return [...u16(Number(priority)), ...labels, 0, ...values];
}

const SERVICE_KEYS: Record<string, number> = { alpn: 1, port: 3, ipv4hint: 4, ipv6hint: 6 };

export function addressBytes(address: string): number[] {
	if (!isIPv6(address)) return address.split(".").map(Number);
	const [head = "", tail] = address.split("::");
	const words = (part: string) => (part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16)));
	const [left, right] = [words(head), words(tail ?? "")];
	const all =
		tail === undefined ? left : [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
	return all.flatMap((word) => [word >> 8, word & 255]);
}
