/** The corpus's manifest: expected findings of each capture. The corpus's README describes the fields. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ROOT } from "../support/paths.ts";

/** The folder of the captures: a setting, because they are not part of the repository. */
export const CORPUS = resolve(ROOT, process.env["SALLYPORT_CORPUS"] || "../shared/corpus");

interface Flow {
	readonly frame: number;
	readonly src: string;
	readonly dst: string;
	readonly sport: number;
	readonly dport: number;
}

export type Expected =
	| (Flow & { readonly proto: "tls"; readonly name: string | null; readonly ech?: boolean; readonly stream: number })
	| (Flow & { readonly proto: "quic"; readonly name: string | null; readonly version: string; readonly ech?: boolean })
	| (Flow & { readonly proto: "gquic"; readonly name: string | null; readonly version: string })
	| (Flow & { readonly proto: "http"; readonly method: string; readonly name: string | null; readonly uri: string })
	| (Flow & ExpectedDns);

export interface ExpectedDns {
	readonly proto: "dns";
	readonly transport: "udp" | "tcp";
	readonly id: number;
	readonly qr: 0 | 1;
	readonly opcode?: number;
	readonly rcode?: number;
	readonly tc?: boolean | number;
	readonly q: readonly { readonly name: string; readonly type: string }[];
	readonly an: readonly {
		readonly name: string;
		readonly type: string;
		readonly ttl?: number;
		readonly data?: unknown;
	}[];
	readonly malformed?: unknown;
}

/** Documented upstream, but not shown by tshark: allowed, not required. */
export interface Allowed {
	readonly proto: string;
	readonly name: string | null;
	/** "192.0.2.1:1 > 192.0.2.2:2", where known. */
	readonly flow?: string;
	readonly src?: string;
	readonly sport?: number;
}

export interface Row {
	readonly file: string;
	readonly proto: string;
	readonly features: readonly string[];
	readonly expected: readonly Expected[];
	readonly expected_extra?: readonly Allowed[];
	readonly tls_not_shown_by_tshark?: readonly Allowed[];
	/** The result of a second parser, where it differs from tshark. */
	readonly sanity_differs?: readonly { readonly frame: number; readonly sanity: string | null }[];
	readonly negative?: boolean;
}

/** Null if the folder does not exist. */
export function readManifest(folder: string): readonly Row[] | null {
	const file = join(folder, "manifest.jsonl");
	if (!existsSync(file)) return null;
	return readFileSync(file, "utf8")
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => JSON.parse(line) as Row);
}
