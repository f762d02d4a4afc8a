import { addressOfBytes, type Packed } from "../base/address.ts";
import { TIMES } from "../base/config.ts";
import { QUERY_TYPE } from "../base/dns.ts";
import { errorCodeOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { AnswerRecord } from "../records/contract.ts";
import { subscribe } from "../system/varlink.ts";

export interface ResolvedNamesOptions {
	/** Socket of io.systemd.Resolve.Monitor, which serves only root. */
	readonly socket: string;
	/** Socket of a proxy for it that runs as root (systemd/sallyport-resolved.socket). */
	readonly proxy: string;
	readonly answered: (answer: AnswerRecord) => void;
	readonly now: () => number;
	readonly log: Logger;
	/** Between attempts to connect [ms]. */
	readonly retry?: number;
}

/**
 * Subscribes to the answers of systemd-resolved (Monitor.SubscribeQueryResults, systemd 252 and later), including those
 * from its cache and those to clients that send no DNS packet (nss-resolve, D-Bus, varlink). An answer has name and
 * addresses but not its client. It is only displayed and affects no verdict: it may come from LLMNR, mDNS or
 * /etc/hosts, and arrives after the client has it. Returns the function that unsubscribes.
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
	let subscribed = false;
	const start = (by: string) => {
		timer = null;
		close = subscribe({
			socket: by,
			method: "io.systemd.Resolve.Monitor.SubscribeQueryResults",
			onReply: (parameters) => {
				if (!subscribed) log.info("subscribed to the answers of systemd-resolved", { socket: by });
				subscribed = true;
				for (const answer of answersOf(parameters, now())) answered(answer);
			},
			onEnd: (why) => {
				if (subscribed) log.info("the subscription to systemd-resolved has ended", { why: why.message });
				else if (by === socket && isThere(why)) return start(proxy);
				subscribed = false;
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

/* systemd-resolved runs, but refuses this user. */
function isThere(why: Error): boolean {
	return !["ENOENT", "ECONNREFUSED"].includes(errorCodeOf(why) ?? "");
}

/** The addresses of one result; none if it is malformed. `time`: wall clock [ms]. */
export function answersOf(result: Readonly<Record<string, unknown>>, time: number): AnswerRecord[] {
	if (result["state"] !== "success") return [];
	/* The client's question is the first of `collectedQuestions`. `question` is the last one of a chain of aliases. */
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
