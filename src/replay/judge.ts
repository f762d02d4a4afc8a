import { addressText, type Packed } from "../base/address.ts";
import { DNS_PORT, PROTOCOL } from "../native/layout.ts";
import { type Connection, type Decision, evaluate } from "../policy/evaluate/evaluate.ts";
import type { HttpRequest } from "../policy/evaluate/http-request.ts";
import type { Phase, Policy, Who } from "../policy/model.ts";
import type { Conversation, Hello, LearnedAddress, Request } from "./finding.ts";
import { LearnedNames } from "./learned-names.ts";

export interface JudgeOptions {
	readonly policy: Policy;
	/** The assumed client, which a capture does not show. */
	readonly who: Who;
	/** Trusted resolvers; null: all. */
	readonly resolvers: ReadonlySet<Packed> | null;
}

export interface Judgement {
	readonly phase: Phase;
	readonly verdict: "allow" | "deny";
	/** Null: no rule decided. */
	readonly group: string | null;
	readonly rule: string | null;
	readonly reason: string;
	/** Phase connect allowed it on the condition that a ClientHello follows. */
	readonly helloRequired: boolean;
}

const NAMELESS_REASONS = { cut: "incomplete", unread: "quic_unread", broken: "unreadable" } as const;

/** Decides as a policy in mode enforce would have, with the names of the capture's own DNS answers. */
export class Judge {
	readonly #options: JudgeOptions;
	readonly #learned: LearnedNames;

	constructor(options: JudgeOptions) {
		this.#options = options;
		this.#learned = new LearnedNames(options.policy.ttl);
	}

	/** Learns the addresses of a DNS answer, if the resolver is trusted. */
	learn(name: string, addresses: readonly LearnedAddress[], resolver: Packed, time: bigint): void {
		if (this.#trusts(resolver)) this.#learned.learn(name, addresses, time);
	}

	connect(conversation: Conversation, time: bigint, isDnsMessage: boolean): Judgement {
		return this.#judge("connect", conversation, time, null, isDnsMessage);
	}

	question(conversation: Conversation, time: bigint, name: string): Judgement {
		return this.#judge("dns", conversation, time, name, true);
	}

	hello(conversation: Conversation, time: bigint, { name, how }: Hello): Judgement {
		const unread = how !== "named" && how !== "unnamed";
		const judgement = this.#judge("tls", conversation, time, name, false, { unread });
		// Like sp_quic_deny in bpf/traffic/quic_flow.h: no rule can allow it.
		if (how === "strange")
			return { ...judgement, verdict: "deny", group: null, rule: null, reason: "unreadable", helloRequired: false };
		// Like sp_unnamed_reason in bpf/traffic/hello_verdict.h.
		if (judgement.reason !== "unread" || judgement.rule !== null || how === "unnamed" || how === "named")
			return judgement;
		return { ...judgement, reason: NAMELESS_REASONS[how] };
	}

	/** Judges a request without the status of its response. */
	request(conversation: Conversation, time: bigint, { name, method, path, isBroken, version }: Request): Judgement {
		const judgement = this.#judge("http", conversation, time, name, false, {
			request: { method, path, status: null },
			unread: isBroken || version === 2,
		});
		return judgement.reason !== "unread" || judgement.rule !== null || version === 2
			? judgement
			: { ...judgement, reason: "unreadable" };
	}

	#judge(
		phase: Phase,
		{ protocol, server }: Conversation,
		time: bigint,
		name: string | null,
		dnsMessage: boolean,
		sent: { readonly request?: HttpRequest; readonly unread?: boolean } = {},
	) {
		const { policy, who } = this.#options;
		const connection: Connection = {
			phase,
			address: addressText(server.address),
			port: server.port,
			protocol: PROTOCOL[protocol],
			who,
			learned: this.#learned.at(server.address, time),
			name,
			trustedResolver: server.port === DNS_PORT && this.#trusts(server.address),
			dnsMessage,
			...sent,
		};
		return judgementOf(phase, evaluate(policy, connection));
	}

	#trusts(resolver: Packed): boolean {
		return this.#options.resolvers === null || this.#options.resolvers.has(resolver);
	}
}

function judgementOf(phase: Phase, { action, rule, reason, helloRequired }: Decision): Judgement {
	return { phase, verdict: action, group: rule?.group ?? null, rule: rule?.name ?? null, reason, helloRequired };
}
