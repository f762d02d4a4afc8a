/** What people ask, checked and brought into the form in which the reader's thread works with it. */
import { isIP } from "node:net";
import { packAddress } from "../base/address.ts";
import { PROTOCOL } from "../native/layout.ts";
import { phaseNames, verdictNames } from "../native/vocabulary.ts";
import type { HistorySort } from "../records/contract.ts";
import { HistoryError } from "../records/contract.ts";
import { type ConnectionFilter, FilterError } from "../records/filter.ts";
import { addressBlob } from "./connection-writer.ts";

export interface Wanted {
	/** µs */
	readonly since: number | null;
	readonly until: number | null;
	readonly kind: 0 | 1 | null;
	readonly open: boolean | null;
	readonly verdict: number | null;
	readonly phase: number | null;
	readonly name: string | null;
	readonly address: { readonly low: Uint8Array; readonly high: Uint8Array } | null;
	readonly port: { readonly from: number; readonly to: number } | null;
	readonly protocol: number | null;
	readonly process: string | null;
	readonly exe: string | null;
	readonly unit: string | null;
	readonly container: string | null;
	readonly user: string | null;
	readonly rule: string | null;
	readonly group: string | null;
}

/** Throws FilterError. */
export function wanted(filter: ConnectionFilter = {}): Wanted {
	const { since, until, kind, open, verdict, phase, name, address, port, protocol } = filter;
	return {
		since: since === undefined ? null : time("since", since),
		until: until === undefined ? null : time("until", until),
		kind: kind === undefined ? null : kind === "dns" ? 1 : 0,
		open: open ?? null,
		verdict: verdict === undefined ? null : known("verdict", verdict, verdictNames, 1, "allow, deny or would_deny"),
		phase: phase === undefined ? null : known("phase", phase, phaseNames, 0, "dns, connect, tls or http"),
		name: name === undefined ? null : name.toLowerCase().replace(/\.$/, ""),
		address: address === undefined ? null : prefix(address),
		port: port === undefined ? null : range(port),
		protocol: protocol === undefined ? null : protocolNumber(protocol),
		process: filter.process ?? null,
		exe: filter.exe ?? null,
		unit: filter.unit ?? null,
		container: filter.container ?? null,
		user: filter.user ?? null,
		rule: filter.rule ?? null,
		group: filter.group ?? null,
	};
}

export function limitOf(limit: number | undefined, fallback: number): number {
	if (limit === undefined) return fallback;
	if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT)
		throw new FilterError("limit", String(limit), `a number from 1 to ${LIMIT}`);
	return limit;
}

/** Where the page before ended: the value that it was sorted by, and the id. */
export interface Position {
	readonly value: number;
	readonly id: number;
}

export function encodeCursor(sort: string, position: Position): string {
	return Buffer.from(`${sort} ${position.value} ${position.id}`).toString("base64url");
}

export function decodeCursor(sort: HistorySort, cursor: string | undefined): Position | null {
	if (cursor === undefined) return null;
	const [of, value, id, rest] = Buffer.from(cursor, "base64url").toString("utf8").split(" ");
	const position = { value: Number(value), id: Number(id) };
	if (of !== sort || rest !== undefined || !Number.isSafeInteger(position.value) || !Number.isSafeInteger(position.id))
		throw new HistoryError("bad_cursor", "The cursor is not one that was given out for this sort");
	return position;
}

/** Of a page of names: the last one. */
export function nameCursor(name: string): string {
	return Buffer.from(name).toString("base64url");
}

export function nameOfCursor(cursor: string): string {
	return Buffer.from(cursor, "base64url").toString("utf8");
}

const LIMIT = 10_000;

function time(parameter: string, ms: number): number {
	if (!Number.isFinite(ms)) throw new FilterError(parameter, String(ms), "a time");
	return Math.floor(Math.min(Math.max(ms, 0), 9e12) * 1000);
}

function known(
	parameter: string,
	value: string,
	names: readonly (string | null)[],
	from: number,
	expected: string,
): number {
	const index = names.indexOf(value);
	if (index < from) throw new FilterError(parameter, value, expected);
	return index;
}

function range(port: NonNullable<ConnectionFilter["port"]>): { from: number; to: number } {
	const { from, to } = typeof port === "number" ? { from: port, to: port } : port;
	const isPort = (each: number) => Number.isInteger(each) && each >= 0 && each <= 65_535;
	if (!isPort(from) || !isPort(to) || from > to)
		throw new FilterError("port", from === to ? String(from) : `${from}-${to}`, "a port or a range such as 8000-8999");
	return { from, to };
}

function prefix(text: string): { low: Uint8Array; high: Uint8Array } {
	const wrong = () => new FilterError("address", text, "an address or a prefix such as 10.0.0.0/8");
	const [host = "", length, rest] = text.split("/");
	const address = packAddress(host);
	if (address === null || host.includes("%") || rest !== undefined) throw wrong();
	const low = Buffer.from(addressBlob(address));
	const size = low.length * 8;
	/* "::ffff:10.0.0.0/104" speaks of IPv4. */
	const mapped = isIP(host) === 6 && low.length === 4 ? 96 : 0;
	const bits = length === undefined ? size : /^\d{1,3}$/.test(length) ? Number(length) - mapped : -1;
	if (bits < 0 || bits > size) throw wrong();
	const high = Buffer.from(low);
	for (let bit = bits; bit < size; bit++) {
		const mask = 0x80 >> (bit & 7);
		low[bit >> 3] = (low[bit >> 3] ?? 0) & ~mask;
		high[bit >> 3] = (high[bit >> 3] ?? 0) | mask;
	}
	return { low, high };
}

function protocolNumber(text: string): number {
	const number = (PROTOCOL as Readonly<Record<string, number>>)[text];
	if (number !== undefined) return number;
	if (!/^\d{1,3}$/.test(text) || Number(text) > 255)
		throw new FilterError("protocol", text, "tcp, udp, icmp, icmp6 or a number");
	return Number(text);
}
