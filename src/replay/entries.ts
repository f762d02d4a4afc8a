import { DNS_PORT } from "../native/layout.ts";
import type { Conversation, Finding, Message } from "./finding.ts";
import type { Judge, Judgement } from "./judge.ts";
import { LearnedNames } from "./learned-names.ts";

/** A ClientHello, an HTTP request or a DNS question, or a conversation without any. */
export interface Entry {
	readonly conversation: Conversation;
	readonly name: string | null;
	/** Source of the name. `dns`: a DNS answer with the address; `question`: a DNS query for the name. */
	readonly from: "tls" | "quic" | "http" | "dns" | "question" | null;
	/** Since 1970 [ns]. */
	readonly time: bigint;
	/** Null: there is no policy. */
	readonly judgement: Judgement | null;
}

interface Open {
	readonly time: bigint;
	readonly connect: Judgement | null;
	/** The name that DNS had last answered with the address when the conversation began. */
	readonly learned: string | null;
	named: boolean;
	hello: boolean;
}

/** Turns findings into entries: one for each hello, request and question, and one for a conversation without any. */
export class Entries {
	readonly #judge: Judge | null;
	readonly #emit: (entry: Entry) => void;
	readonly #open = new Map<Conversation, Open>();
	readonly #undecided = new Set<Conversation>();
	readonly #names = new LearnedNames({ floor: 0, grace: 0 });

	constructor(judge: Judge | null, emit: (entry: Entry) => void) {
		this.#judge = judge;
		this.#emit = emit;
	}

	take(finding: Finding): void {
		const { conversation, packet } = finding;
		const { time } = packet;
		if (finding.kind === "gap") return;
		if (finding.kind === "message" && finding.isAnswer) this.#learn(finding, conversation, time);
		if (finding.kind === "close") {
			if (this.#undecided.delete(conversation)) this.#begin(conversation, time, false);
			this.#close(conversation);
			return;
		}
		// Phase connect depends on whether the datagram is a DNS message, which the next finding shows.
		if (finding.kind === "open" && conversation.protocol === "udp" && conversation.server.port === DNS_PORT) {
			this.#undecided.add(conversation);
			return;
		}
		this.#undecided.delete(conversation);
		const open = this.#open.get(conversation) ?? this.#begin(conversation, time, finding.kind === "message");
		if (finding.kind === "open") return;
		open.named = true;
		const emit = (name: string | null, from: Entry["from"], judgeBy: (judge: Judge) => Judgement) => {
			const judged = open.connect?.verdict === "deny" || this.#judge === null ? null : judgeBy(this.#judge);
			this.#emit({ conversation, name, from, time, judgement: judged ?? open.connect });
		};
		if (finding.kind === "hello") {
			open.hello = true;
			emit(finding.name, finding.via, (judge) => judge.hello(conversation, time, finding));
		} else if (finding.kind === "request") {
			emit(finding.name, "http", (judge) => judge.request(conversation, time, finding));
		} else if (!finding.isAnswer) {
			for (const { name } of finding.questions)
				emit(name, "question", (judge) => judge.question(conversation, time, name));
		}
	}

	#learn({ questions, addresses }: Message, { server }: Conversation, time: bigint): void {
		const name = questions[0]?.name;
		if (name === undefined || name === "") return;
		this.#names.learn(name, addresses, time);
		this.#judge?.learn(name, addresses, server.address, time);
	}

	#begin(conversation: Conversation, time: bigint, isDns: boolean): Open {
		const { address } = conversation.server;
		const begun: Open = {
			time,
			connect: this.#judge?.connect(conversation, time, isDns) ?? null,
			learned: this.#names.latest(address),
			named: false,
			hello: false,
		};
		this.#open.set(conversation, begun);
		return begun;
	}

	#close(conversation: Conversation): void {
		const open = this.#open.get(conversation);
		if (open === undefined) return;
		this.#open.delete(conversation);
		const { connect, learned, time } = open;
		const lacksHello = connect?.helloRequired === true && !open.hello;
		if (open.named && !lacksHello) return;
		const judgement = lacksHello ? { ...connect, verdict: "deny" as const, reason: "not_tls" } : connect;
		this.#emit({ conversation, name: learned, from: learned === null ? null : "dns", time, judgement });
	}
}
