import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { type Packed, packAddress } from "../base/address.ts";
import { SallyportError } from "../base/errors.ts";
import { openCapture, readCapture } from "../capture/capture-reader.ts";
import { CaptureError } from "../capture/packet.ts";
import { type ExplainQuestion, QuestionError, whoOf } from "../enforce/explain-policy.ts";
import type { Environment, Policy, Who } from "../policy/model.ts";
import { parsePolicy } from "../policy/read/parse.ts";
import { renderProblem } from "../policy/read/problem.ts";
import { Entries } from "./entries.ts";
import { Judge } from "./judge.ts";
import type { Parse } from "./kernel-parsers.ts";
import { PacketObserver } from "./packet-observer.ts";
import { Tally, type TallyRow } from "./tally.ts";

export interface ReplayRequest {
	/** Paths; "-" is standard input. */
	readonly files: readonly string[];
	/** Path of a policy, or null. */
	readonly policy: string | null;
	/** Trusted resolvers, in addition to those of the policy. If there are none at all, every resolver is trusted. */
	readonly resolvers: readonly string[];
	/** The assumed client. */
	readonly who: NonNullable<ExplainQuestion["who"]>;
}

export interface ReplayReport {
	readonly rows: readonly TallyRow[];
	readonly files: readonly ReplayedFile[];
}

export interface ReplayedFile {
	readonly file: string;
	readonly packets: number;
	/** Why the file was not read to its end, or null. */
	readonly problem: string | null;
	/** Number of packets of each unsupported link type. */
	readonly unknownLinks: readonly { readonly linkType: number; readonly packets: number }[];
}

export interface ReplayNeeds {
	readonly parse: Parse;
	readonly environment: Environment;
	readonly input: Readable;
}

/**
 * Reads captures and counts connections by client and name, judged by a policy if there is one. Problems of a capture are in
 * the report. Throws SallyportError: POLICY_INVALID for the policy, USAGE for an invalid resolver or client.
 */
export async function replay(request: ReplayRequest, needs: ReplayNeeds): Promise<ReplayReport> {
	const judge = request.policy === null ? null : judgeOf(request.policy, request, needs.environment);
	const tally = new Tally();
	const entries = new Entries(judge, (entry) => tally.add(entry));
	const files: ReplayedFile[] = [];
	for (const file of request.files) files.push(await replayFile(file, entries, needs));
	return { rows: tally.rows(), files };
}

async function replayFile(file: string, entries: Entries, { parse, input }: ReplayNeeds): Promise<ReplayedFile> {
	const observer = new PacketObserver(parse, (finding) => entries.take(finding));
	let packets = 0;
	let problem: string | null = null;
	try {
		await readCapture(file === "-" ? input : openCapture(file), (packet) => {
			packets++;
			observer.take(packet);
		});
	} catch (error) {
		problem = problemOf(error);
		if (problem === null) throw error;
	}
	observer.end();
	const unknownLinks = [...observer.unknownLinks].map(([linkType, count]) => ({ linkType, packets: count }));
	return { file, packets, problem, unknownLinks };
}

/** The problem of a file, or null for another error. */
function problemOf(error: unknown): string | null {
	if (error instanceof CaptureError) return error.message;
	const { code, message } = error as NodeJS.ErrnoException;
	if (code === undefined) return null;
	return code === "ENOENT" ? "no such file" : message;
}

function judgeOf(file: string, { resolvers, who }: ReplayRequest, environment: Environment): Judge {
	const policy = readPolicy(file, environment);
	const trusted = new Set<Packed>();
	for (const text of [...policy.resolvers, ...resolvers]) {
		const packed = packAddress(text);
		if (packed === null) throw new SallyportError("USAGE", `"${text}" is not the address of a resolver.`);
		trusted.add(packed);
	}
	return new Judge({ policy, who: whoIs(who, environment), resolvers: trusted.size === 0 ? null : trusted });
}

function whoIs(who: ReplayRequest["who"], environment: Environment): Who {
	try {
		return whoOf(who, environment);
	} catch (error) {
		throw error instanceof QuestionError ? new SallyportError("USAGE", `${error.message}.`) : error;
	}
}

function readPolicy(file: string, environment: Environment): Policy {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		throw new SallyportError("POLICY_INVALID", `${file}: ${problemOf(error) ?? (error as Error).message}`);
	}
	const parsed = parsePolicy(text, file, environment);
	if (parsed.ok) return parsed.policy;
	throw new SallyportError("POLICY_INVALID", parsed.problems.map(renderProblem).join("\n"));
}
