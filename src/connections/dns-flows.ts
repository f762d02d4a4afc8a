import { BoundedMap } from "../base/bounded.ts";
import { TIMES } from "../base/config.ts";
import type { DecisionEvent } from "../native/event-views.ts";
import { DNS_PORT, EVENT, PROTOCOL, REASON, VERDICT } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";
import { flowKey } from "./records-kept.ts";
import { Settling } from "./settling.ts";

/**
 * UDP flows to port 53 of resolvers that are not trusted. Each DNS question has its own record, which includes the flow's decision, so a flow
 * that carries only questions has no record. It gets one (`isOther`) when it carries something else:
 * - no question follows its first packet within TIMES.settleTick, or
 * - it has sent more packets than questions. The packets are those of the sweep before, because the event of a question can arrive after
 *   the kernel has counted its packet. A message with several questions, which no client sends, counts as several packets.
 */
export class DnsFlows {
	readonly #held: BoundedMap<string, HeldFlow>;
	readonly #isOther: (flow: Connection) => void;
	/** Flows without a question so far. */
	readonly #withoutQuestion: Settling;

	/** `limit`: number of flows. */
	constructor(limit: number, isOther: (flow: Connection) => void) {
		this.#held = new BoundedMap(limit);
		this.#isOther = isOther;
		this.#withoutQuestion = new Settling({ wait: () => TIMES.settleTick, settled: (flow) => this.#release(flow) });
	}

	/** Whether the event may begin a flow that carries only questions. */
	static mayHold({ type, protocol, remotePort, verdict }: DecisionEvent): boolean {
		return type === EVENT.connect && protocol === PROTOCOL.udp && remotePort === DNS_PORT && verdict !== VERDICT.deny;
	}

	/** The flow is no record for now. The oldest one is evicted if there are too many, and gets a record unless it has sent a question. */
	hold(flow: Connection): void {
		const evicted = this.#held.set(keyOf(flow), { flow, sent: 0 })?.flow;
		if (evicted !== undefined && this.#withoutQuestion.remove(evicted)) this.#isOther(evicted);
		this.#withoutQuestion.add(flow);
	}

	/** The held flow to this destination. */
	get(cookie: number, remote: string, remotePort: number, protocol: number): Connection | undefined {
		return this.#held.get(flowKey(cookie, remote, remotePort, protocol))?.flow;
	}

	/** The held flow of the event. */
	of({ cookie, remote, remotePort, protocol }: DecisionEvent): Connection | undefined {
		return remotePort === DNS_PORT ? this.get(cookie, remote, remotePort, protocol) : undefined;
	}

	/** A DNS message was read as a question, or was denied because it could not be read. Returns its flow. */
	question({ cookie, remote, remotePort, protocol, verdict, reason }: DecisionEvent): Connection | undefined {
		const held = this.#held.get(flowKey(cookie, remote, remotePort, protocol));
		if (held === undefined) return undefined;
		const isSent = verdict !== VERDICT.deny;
		if (reason === REASON.unreadable && isSent) return undefined;
		this.#withoutQuestion.remove(held.flow);
		if (isSent) held.sent++;
		return held.flow;
	}

	/** Releases flows with more packets than questions. Called by each sweep before it updates the counters. */
	compare(): void {
		for (const { flow } of this.#held.values()) this.compareOne(flow);
	}

	/** The same for one flow, when its last packet is long ago. */
	compareOne(flow: Connection): void {
		const held = this.#held.get(keyOf(flow));
		if (held?.flow === flow && flow.packetsOut > held.sent) this.#release(flow);
	}

	/** Ends the hold. False: the flow was not held. */
	remove(flow: Connection): boolean {
		const held = this.#held.get(keyOf(flow));
		if (held?.flow !== flow) return false;
		this.#withoutQuestion.remove(flow);
		return this.#held.delete(keyOf(flow));
	}

	/** Forgets flows whose last packet was before `time` (wall clock, ms). */
	expire(time: number): void {
		for (const { flow } of this.#held.values()) if (flow.last < time) this.remove(flow);
	}

	#release(flow: Connection): void {
		if (this.remove(flow)) this.#isOther(flow);
	}
}

interface HeldFlow {
	readonly flow: Connection;
	/** Messages that were sent and read as questions. */
	sent: number;
}

function keyOf({ cookie, remote, remotePort, protocol }: Connection): string {
	return flowKey(cookie, remote, remotePort, protocol);
}
