/** Seeds of the fuzzers: streams of the project's own tests, of the corpus's clients, and of other projects. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openCapture, readCapture } from "../../src/capture/capture-reader.ts";
import { Dissector } from "../../src/capture/dissector.ts";
import { CaptureError } from "../../src/capture/packet.ts";
import { Connections } from "../../src/capture/tcp-connections.ts";
import { OWN_CAPTURES } from "../captures/own.ts";
import { CORPUS } from "../corpus/manifest.ts";

/** Longest seed of a stream [bytes]: names are near the beginning. */
const STREAM_MAX = 4096;
const SEEDS_MAX = 20_000;

/** Archives of the corpus whose name contains one of these strings. */
const ARCHIVES: Readonly<Record<string, readonly string[]>> = {
	tls: ["openssl-server", "boringssl-server", "rustls", "mercury-tls"],
	http: ["mercury-http"],
	dns: ["mercury-dns"],
	quic: ["mercury-quic", "openssl-quic"],
};

/** Writes the seeds into a folder, named by the hash of their bytes. Returns their number. */
export async function writeSeeds(parser: string, folder: string): Promise<number> {
	const seeds = await collectSeeds(parser, [OWN_CAPTURES, CORPUS].flatMap(captures));
	for (const bytes of seeds) writeFileSync(join(folder, createHash("sha1").update(bytes).digest("hex")), bytes);
	return seeds.length + unpack(parser, folder);
}

/** The inputs that a parser would get from these captures, without duplicates. */
export async function collectSeeds(parser: string, files: readonly string[]): Promise<Buffer[]> {
	const seeds = new Map<string, Buffer>();
	const add = (bytes: Buffer) => {
		const kept = bytes.subarray(0, STREAM_MAX);
		if (kept.length > 0 && seeds.size < SEEDS_MAX) seeds.set(kept.toString("latin1"), kept);
	};
	for (const file of files) await addCapture(parser, file, add);
	return [...seeds.values()];
}

/** The captures in a folder, or none if it does not exist. */
export function captures(folder: string): string[] {
	if (!existsSync(folder)) return [];
	return readdirSync(folder).flatMap((file) => (/\.pcap(ng)?$/.test(file) ? [join(folder, file)] : []));
}

async function addCapture(parser: string, file: string, add: (bytes: Buffer) => void): Promise<void> {
	const isStream = parser === "tls" || parser === "http";
	const connections = new Connections(() => {
		const said: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)];
		return {
			received(by, bytes) {
				if (said[by].length < STREAM_MAX) said[by] = Buffer.concat([said[by], bytes]);
			},
			ended() {
				if (isStream) for (const bytes of said) add(bytes);
			},
		};
	});
	const dissector = new Dissector({
		segment: (segment) => connections.take(segment),
		datagram({ sourcePort, destinationPort, payload }) {
			const isDns = sourcePort === 53 || destinationPort === 53;
			if (parser === "dns" ? isDns : !isStream && !isDns) add(payload);
		},
	});
	try {
		await readCapture(openCapture(file), (packet) => dissector.take(packet));
	} catch (error) {
		if (!(error instanceof CaptureError)) throw error;
	}
	connections.end();
}

function unpack(parser: string, folder: string): number {
	const archives = join(CORPUS, "fuzz");
	if (!existsSync(archives)) return 0;
	let count = 0;
	for (const file of readdirSync(archives)) {
		if (!file.endsWith(".tar.xz") || !ARCHIVES[parser]?.some((name) => file.startsWith(name))) continue;
		const unpacked = execFileSync("tar", ["-xJvf", join(archives, file), "-C", folder, "--transform=s,/,-,g"]);
		count += unpacked
			.toString()
			.split("\n")
			.filter((line) => line !== "" && !line.endsWith("/")).length;
	}
	return count;
}
