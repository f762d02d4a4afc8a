/** What the parsers found in a capture, in the manifest's words. */
import { join } from "node:path";
import { addressText } from "../../src/base/address.ts";
import { openCapture, readCapture } from "../../src/capture/capture-reader.ts";
import { CaptureError } from "../../src/capture/packet.ts";
import { PARSE_REQUEST } from "../../src/native/layout.ts";
import type { Finding } from "../../src/replay/finding.ts";
import type { Parse } from "../../src/replay/kernel-parsers.ts";
import { PacketObserver } from "../../src/replay/packet-observer.ts";

/** Where a reader keeps the header of a record, and the bit that SSL 2 begins its with (RFC 5246 E.2). */
const READER_RECORD = 32;
const SSL2_LENGTH = 0x80;

/** A finding with its speaker and listener. */
export interface Observed {
	readonly finding: Finding;
	/** "192.0.2.1:1 > 192.0.2.2:2", as the speaker sees it. */
	readonly flow: string;
	/** A hello in the format of SSL 2, which has no place for a name. */
	readonly isSsl2: boolean;
}

export interface Observation {
	readonly observed: readonly Observed[];
	/** Flows in which the capture lacks bytes that were acknowledged or followed by others. */
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
		// What came before a broken end counts.
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
