/** The parsers' findings in a capture, in the manifest's format. */
import { join } from "node:path";
import { addressText } from "../../src/base/address.ts";
import { openCapture, readCapture } from "../../src/capture/capture-reader.ts";
import { CaptureError } from "../../src/capture/packet.ts";
import { PARSE_REQUEST } from "../../src/native/layout.ts";
import type { Finding } from "../../src/replay/finding.ts";
import type { Parse } from "../../src/replay/kernel-parsers.ts";
import { PacketObserver } from "../../src/replay/packet-observer.ts";

/** Offset at which a reader keeps the record header, and the bit that starts an SSL 2 record (RFC 5246 E.2). */
const READER_RECORD = 32;
const SSL2_LENGTH = 0x80;

/** A finding with its flow. */
export interface Observed {
	readonly finding: Finding;
	/** "192.0.2.1:1 > 192.0.2.2:2", from sender to receiver. */
	readonly flow: string;
	/** A ClientHello in SSL 2 format, which has no server name. */
	readonly isSsl2: boolean;
}

export interface Observation {
	readonly observed: readonly Observed[];
	/** Flows with bytes that the capture lacks although they were acknowledged or followed by others. */
	readonly gaps: ReadonlySet<string>;
}

export async function observe(folder: string, file: string, parse: Parse): Promise<Observation> {
	const observed: Observed[] = [];
	const gaps = new Set<string>();
	let isSsl2 = false;
	const noting: Parse = (request, bytes) => {
		parse(request, bytes);
		isSsl2 = (request.readUInt8(PARSE_REQUEST.reader + READER_RECORD) & SSL2_LENGTH) !== 0;
	};
	const watch = new PacketObserver(noting, (finding) => {
		const flow = flowOf(finding);
		if (finding.kind === "gap") gaps.add(flow);
		else observed.push({ finding, flow, isSsl2 });
	});
	try {
		await readCapture(openCapture(join(folder, file)), (packet) => watch.take(packet));
	} catch (error) {
		// Findings before an invalid end of the file count.
		if (!(error instanceof CaptureError)) throw error;
	}
	watch.end();
	return { observed, gaps };
}

function flowOf({ conversation: { client, server }, byServer }: Finding): string {
	const [from, to] = byServer ? [server, client] : [client, server];
	return flowText(addressText(from.address), from.port, addressText(to.address), to.port);
}

export function flowText(src: string, sport: number, dst: string, dport: number): string {
	return `${src}:${sport} > ${dst}:${dport}`;
}
