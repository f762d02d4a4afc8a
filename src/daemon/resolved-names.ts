import { addressOfBytes, type Packed } from "../base/address.ts";
import { TIMES } from "../base/config.ts";
import { QUERY_TYPE } from "../base/dns.ts";
import type { Logger } from "../base/logger.ts";
import type { AnswerRecord } from "../records/contract.ts";
import { subscribe } from "../system/varlink.ts";

export interface ResolvedNamesOptions {
	/** io.systemd.Resolve.Monitor's socket, which serves root alone. */
	readonly socket: string;
	/** The same by way of a unit that may (systemd/sallyport-resolved.socket). */
	readonly proxy: string;
	readonly answered: (answer: AnswerRecord) => void;
	readonly now: () => number;
	readonly log: Logger;
	/** ms between tries. */
	readonly retry?: number;
}

/**
 * What systemd-resolved answered to anyone (Monitor.SubscribeQueryResults, systemd 252 and later), also from its cache and to programs
 * that ask it without a DNS packet (nss-resolve, D-Bus, varlink). It says name and addresses, not who asked. For people's eyes alone: no
 * verdict rests on it, for an answer may come from LLMNR, mDNS or /etc/hosts, and comes after the program has it. Returns how to end it.
 */
export function watchResolved({
	socket,
	proxy,
	answered,
	now,
	log,
	retry = TIMES.resolvedRetry,
}: ResolvedNamesOptions): () => void {
	let close = () => {};
	let timer: NodeJS.Timeout | null = null;
	let told = false;
	const start = (by: string) => {
		timer = null;
		close = subscribe({
			socket: by,
			method: "io.systemd.Resolve.Monitor.SubscribeQueryResults",
			onReply: (parameters) => {
				if (!told) log.info("systemd-resolved tells what it answers", { socket: by });
				told = true;
				for (const answer of answersOf(parameters, now())) answered(answer);
			},
			onEnd: (why) => {
				if (told) log.info("systemd-resolved no longer tells what it answers", { why: why.message });
				else if (by === socket && isThere(why)) return start(proxy);
				told = false;
				timer = setTimeout(() => start(socket), retry);
				timer.unref();
			},
		});
	};
	start(socket);
	return () => {
		if (timer !== null) clearTimeout(timer);
		close();
	};
}

/* It runs, but refuses us. */
function isThere(why: NodeJS.ErrnoException): boolean {
	return why.code !== "ENOENT" && why.code !== "ECONNREFUSED";
}

/** The addresses of one result; anything that has not the form of one gives none. `time`: wall clock, ms. */
export function answersOf(result: Readonly<Record<string, unknown>>, time: number): AnswerRecord[] {
	if (result["state"] !== "success") return [];
	/* `question` is the last one of a chain of aliases; the ones before are in `collectedQuestions`, the first of which was asked. */
	const name = keyOf(listOf(result["collectedQuestions"])[0] ?? listOf(result["question"])[0])?.name;
	if (name === undefined) return [];
	return listOf(result["answer"]).flatMap((item) => {
		const address = addressOf(recordOf(recordOf(item)?.["rr"]));
		return address === null ? [] : [{ name, address, ttl: 0, time, trusted: true }];
	});
}

function addressOf(record: Readonly<Record<string, unknown>> | null): Packed | null {
	const type = keyOf(record?.["key"])?.type;
	const bytes = record?.["address"];
	if (!Array.isArray(bytes) || !bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)) return null;
	return (type === QUERY_TYPE.a && bytes.length === 4) || (type === QUERY_TYPE.aaaa && bytes.length === 16)
		? addressOfBytes(Buffer.from(bytes))
		: null;
}

function keyOf(value: unknown): { name: string; type: number } | null {
	const key = recordOf(value);
	const [name, type] = [key?.["name"], key?.["type"]];
	if (typeof name !== "string" || name === "" || name.length > NAME_LENGTH || typeof type !== "number") return null;
	return { name: name.replace(/\.$/, "").toLowerCase(), type };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | null {
	return typeof value === "object" && value !== null && !Array.isArray(value)
		? (value as Record<string, unknown>)
		: null;
}

function listOf(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : [];
}

const NAME_LENGTH = 254;
