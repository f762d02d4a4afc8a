import { isIP } from "node:net";
import { SallyportError } from "../base/errors.ts";
import { harmless } from "./text.ts";

/** The `to` of a rule, as it is written in a policy. */
export interface RuleTarget {
	readonly domain?: string;
	readonly cidr?: string;
	readonly ports?: number;
	readonly protocol?: string;
}

/**
 * A destination as people write it: NAME, NAME:PORT, https://NAME, ADDRESS, PREFIX:PORT, [IPV6]:PORT, :PORT, each with
 * /udp or another protocol behind a port. Throws SallyportError USAGE.
 */
export function targetOf(written: string): RuleTarget {
	const url = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(written);
	if (url !== null) {
		const [, scheme = "", host = "", rest = ""] = url;
		if (rest !== "" && rest !== "/") throw wrong(written, "has a path; a destination is a name and a port", host);
		const target = hostAndPort(host, written);
		return { ...target, ports: target.ports ?? (scheme.toLowerCase() === "https" ? 443 : 80) };
	}
	return hostAndPort(written, written);
}

/** A rule for a destination. `taken`: names of other rules, to which its name is added. */
export function ruleFor(
	action: "allow" | "deny",
	written: string,
	units: readonly string[],
	taken: Set<string>,
): Readonly<Record<string, unknown>> {
	const to = targetOf(written);
	const base =
		written
			.replaceAll(/[^A-Za-z0-9._-]+/g, "-")
			.replace(/^[^A-Za-z0-9]+|-+$/g, "")
			.slice(0, 56) || action;
	let name = base;
	for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
	taken.add(name);
	return { name, action, to, ...(units.length === 0 ? {} : { from: { unit: units } }) };
}

function hostAndPort(text: string, written: string): RuleTarget {
	if (isIP(text) === 6 || isPrefix(text, 6)) return { cidr: text };
	const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:/]*)(?:\/([A-Za-z0-9]+))?)?$/.exec(text);
	if (match === null) throw wrong(written, "is not a destination", "NAME:PORT");
	const [, bracketed, plain = "", port, protocol] = match;
	const host = bracketed ?? plain;
	const end = { ...portOf(port, written), ...(protocol === undefined ? {} : { protocol: protocol.toLowerCase() }) };
	if (host === "") {
		if (port === undefined) throw wrong(written, "is not a destination", "NAME:PORT");
		return end;
	}
	if (bracketed !== undefined && isIP(host) !== 6 && !isPrefix(host, 6))
		throw wrong(written, "has brackets around something else than an IPv6 address", "[2001:db8::1]:443");
	if (isIP(host) !== 0 || host.includes("/")) return { cidr: host, ...end };
	return { domain: host, ...end };
}

function isPrefix(text: string, version: 4 | 6): boolean {
	const [address = "", length = "", more] = text.split("/");
	return more === undefined && /^\d{1,3}$/.test(length) && isIP(address) === version;
}

function portOf(port: string | undefined, written: string): { ports?: number } {
	if (port === undefined) return {};
	if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535 || Number(port) === 0)
		throw wrong(written, `has the port "${port}"; a port is a number from 1 to 65535`, "NAME:443");
	return { ports: Number(port) };
}

function wrong(written: string, why: string, like: string): SallyportError {
	return new SallyportError(
		"USAGE",
		`'${harmless(written)}' ${harmless(why)}.`,
		`Write ${harmless(like)}, for example.`,
	);
}
