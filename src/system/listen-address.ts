import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { SallyportError } from "../base/errors.ts";

export interface ListenAddress {
	/** An IP address. */
	readonly host: string;
	readonly port: number;
}

/** A certificate chain and its private key, PEM. */
export interface TlsFiles {
	readonly cert: Buffer;
	readonly key: Buffer;
}

/**
 * Parses ADDRESS:PORT; `localhost` is 127.0.0.1. `flag` and `port` are the command-line flag and the port of the example in the error.
 * Throws SallyportError USAGE.
 */
export function parseListen(address: string, flag: string, port: number): ListenAddress {
	const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
	const host = match?.[1] ?? match?.[2];
	const ip = host === "localhost" ? "127.0.0.1" : host;
	const parsed = Number(match?.[3]);
	if (ip === undefined || isIP(ip) === 0 || parsed > 65_535) {
		throw new SallyportError(
			"USAGE",
			`${flag} "${address}" is not ADDRESS:PORT.`,
			`For example 127.0.0.1:${port} or [::1]:${port}.`,
		);
	}
	return { host: ip, port: parsed };
}

/** ADDRESS:PORT, with brackets around an IPv6 address. */
export function listenText({ host, port }: ListenAddress): string {
	return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

export function isLoopback(ip: string): boolean {
	return (isIP(ip) === 4 && ip.startsWith("127.")) || ip === "::1";
}

/**
 * Reads a certificate and its key; null if neither is given. `flag` is the beginning of both command-line flags in the error, such as
 * "--tls". Throws SallyportError USAGE if one is missing or unreadable, or if the key does not belong to the certificate.
 */
export function readTls(certFile: string | null, keyFile: string | null, flag: string): TlsFiles | null {
	if (certFile === null && keyFile === null) return null;
	if (certFile === null || keyFile === null) {
		throw new SallyportError("USAGE", `TLS needs both ${flag}-cert and ${flag}-key.`);
	}
	try {
		const cert = readFileSync(certFile);
		const key = readFileSync(keyFile);
		if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
			throw new Error("the key does not belong to the certificate");
		return { cert, key };
	} catch (error) {
		const message = `The certificate ${certFile} with the key ${keyFile} cannot be used: ${(error as Error).message}.`;
		throw new SallyportError("USAGE", message, "Both must be PEM files.", error);
	}
}
