import { isUnspecified } from "../base/address.ts";
import { BoundedMap } from "../base/bounded.ts";
import { LIMITS } from "../base/config.ts";
import type { AnswerEvent, CgroupEvent, NamedEvent, ProcessEvent, RequestEvent } from "../native/event-objects.ts";
import type { DecisionEvent, EndEvent, EventHead } from "../native/event-views.ts";
import type { Cursor, EventSink } from "../native/events.ts";
import { ANSWER_FLAG, END, EVENT, OUTCOME, PHASE, PROTOCOL, REASON, VERDICT } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";
import { ConnectionNamer, type LookupName } from "./connection-namer.ts";
import { Decisions, type RuleNamer } from "./decisions.ts";
import { DnsFlows } from "./dns-flows.ts";
import { DnsQuestions } from "./dns-questions.ts";
import { type Endpoints, type FactoryOptions, RecordFactory } from "./record-factory.ts";
import { RecordsKept } from "./records-kept.ts";
import { Repeats, type RepeatsOptions } from "./repeats.ts";
import type { ReverseLookup } from "./reverse-lookup.ts";
import { isOfConnected, isOverAtOnce, isToSame, socketOf, takeCounters } from "./sockets.ts";
import { type Watcher, Watchers } from "./watchers.ts";

export interface TableOptions extends FactoryOptions {
	readonly names: ReverseLookup;
	readonly rules: RuleNamer;
	/** Limits of RecordsKept. */
	readonly live: number;
	readonly finished: number;
	readonly repeats: RepeatsOptions;
	readonly lookupName: LookupName;
	/** Closes a TCP socket that was denied after it had connected. */
	readonly destroy: (event: DecisionEvent) => void;
}

/** Joins the kernel's events by socket into records of connections and DNS questions. */
export class ConnectionTable implements EventSink {
	/** Open connections that were evicted. */
	dropped = 0;
	readonly kept: RecordsKept;
	readonly dnsFlows: DnsFlows;
	readonly questions = new DnsQuestions();
	readonly repeats: Repeats;
	readonly #o: Pick<TableOptions, "processes" | "cgroups" | "names" | "destroy">;
	readonly #watchers = new Watchers();
	readonly #decisions: Decisions;
	readonly #namer: ConnectionNamer;
	readonly #factory: RecordFactory;
	readonly #namespaces = new BoundedMap<number, number>(LIMITS.namespaces);

	constructor(options: TableOptions) {
		this.#o = options;
		this.kept = new RecordsKept(options.live, options.finished);
		this.repeats = new Repeats(options.repeats);
		this.#decisions = new Decisions(options.rules);
		this.#namer = new ConnectionNamer(options.names, options.lookupName);
		this.#factory = new RecordFactory(options);
		this.dnsFlows = new DnsFlows(options.live, (flow) => this.#openRecord(flow));
	}

	/** Returns the function that removes the watcher. */
	watch(watcher: Partial<Watcher>): () => void {
		return this.#watchers.add(watcher);
	}

	beginBatch(): void {
		this.#factory.beginBatch();
	}

	decision(event: DecisionEvent, at: Cursor): void {
		const { reason, protocol } = event;
		if (reason === REASON.inbound || reason === REASON.kernel) return;
		/* A flow to a trusted resolver that carries only questions. */
		if (reason === REASON.resolver && protocol !== PROTOCOL.tcp) return;
		const known = this.#find(event) ?? this.dnsFlows.of(event);
		const connection = known ?? this.#factory.fromDecision(event, at, false);
		if (!connection.nameFromHello && !connection.nameFromRequest && event.phase === PHASE.connect)
			this.#namer.fromDns(connection, event, at);
		this.#decide(connection, event);
		if (known === undefined && DnsFlows.mayHold(event)) {
			this.dnsFlows.hold(connection);
			return;
		}
		if (this.#isCounted(connection, event)) return;
		if (known === undefined || (event.verdict === VERDICT.deny && this.dnsFlows.remove(connection)))
			this.#openRecord(connection);
		this.#afterDecision(connection, event);
	}

	/** Records a denial that the kernel made when it judged an open connection by a new policy, without a packet. */
	rejudged(connection: Connection, event: DecisionEvent): void {
		this.#decide(connection, event);
		if (!this.#isCounted(connection, event)) this.#afterDecision(connection, event);
	}

	named(event: NamedEvent, at: Cursor): void {
		this.#o.names.remember(event.nameHash, event.name);
		if (event.type === EVENT.question) this.#question(event, at);
		else this.#hello(event, at);
	}

	request(event: RequestEvent, at: Cursor): void {
		const known = this.#find(event);
		const connection = known ?? this.#factory.fromDecision(event, at, false);
		this.#namer.fromRequest(connection, event);
		this.#decide(connection, event);
		if (this.#isCounted(connection, event, `${event.method} ${event.path}`)) return;
		if (known === undefined) this.#openRecord(connection);
		this.#afterDecision(connection, event);
	}

	answer(event: AnswerEvent, at: Cursor): void {
		const { address, netns, nameHash: hash, tgid: pid, start, ttl, flags } = event;
		const time = this.#factory.wallClock(event);
		const question = this.questions.answered(event, time);
		if ((flags & ANSWER_FLAG.empty) !== 0) {
			if (question !== null) this.#watchers.resolved(question);
			return;
		}
		const name = this.#namer.text(hash, at);
		if (name === null) return;
		const trusted = (flags & (ANSWER_FLAG.untrusted | ANSWER_FLAG.capped | ANSWER_FLAG.local)) === 0;
		this.#o.names.answered(address, { name, hash, pid, start, shared: trusted });
		this.#watchers.answered({ name, address, ttl, time, trusted, netns }, question);
	}

	end(event: EndEvent): void {
		let connection = this.#ofSocket(event);
		if (connection === undefined) {
			/* Older than the daemon, or evicted. A connection that was denied at connect() has ended, and has sent nothing. */
			if (event.packetsOut + event.packetsIn === 0 || isUnspecified(event.remote)) return;
			connection = this.#factory.fromEnd(event);
			this.#watchers.opened(connection);
		}
		takeCounters(connection, event, this.#factory.wallClock(event));
		this.finish(connection, event.how);
		if (connection.protocol === PROTOCOL.tcp) this.kept.released(connection);
	}

	process(event: ProcessEvent): void {
		this.#o.processes.learn(event);
	}

	cgroup(event: CgroupEvent): void {
		this.#o.cgroups.learn(event);
	}

	/** The open flow of another protocol than TCP, also one in `dnsFlows`. */
	flow(cookie: number, remote: string, remotePort: number, protocol: number): Connection | undefined {
		return (
			this.kept.flow(cookie, remote, remotePort, protocol) ?? this.dnsFlows.get(cookie, remote, remotePort, protocol)
		);
	}

	/** Ends the record of a connection. `how`: END, or 0 if unknown. */
	finish(connection: Connection, how: number): void {
		if (connection.ended || this.dnsFlows.remove(connection)) return;
		connection.ended = true;
		connection.end = connection.verdict === VERDICT.deny ? END.denied : how;
		this.#retire(connection);
	}

	#retire(connection: Connection): void {
		if (connection.countedIn !== null) {
			this.kept.remove(connection);
			this.repeats.addBytes(connection);
			return;
		}
		this.kept.end(connection);
		this.#watchers.ended(connection);
	}

	#ofSocket({ cookie, remote, remotePort, protocol }: EventHead & Endpoints): Connection | undefined {
		return protocol === PROTOCOL.tcp ? this.kept.tcp(cookie) : this.kept.flow(cookie, remote, remotePort, protocol);
	}

	#find(event: DecisionEvent): Connection | undefined {
		const connection = this.#ofSocket(event);
		if (event.protocol !== PROTOCOL.tcp) return connection;
		/* Packets leave and arrive after the program has closed the socket, in the context of no process. */
		if (connection === undefined) return this.kept.closed(event.cookie, event.remote, event.remotePort);
		if (isToSame(connection, event)) return connection;
		/* NAT has rewritten the destination of the packet. The record keeps the one that the program asked for. */
		if (isOfConnected(event.hook)) return connection;
		/* The same socket connects to another address, so its previous connection was never established. */
		this.finish(connection, END.refused);
		return undefined;
	}

	#openRecord(connection: Connection): void {
		this.#keepOpen(connection);
		this.#watchers.opened(connection);
	}

	#keepOpen(connection: Connection): void {
		const dropped = this.kept.open(connection);
		if (dropped === undefined) return;
		this.dropped++;
		this.finish(dropped, 0);
	}

	#question(event: NamedEvent, at: Cursor): void {
		const question = this.#factory.fromDecision(event, at, true);
		question.name = event.name;
		question.nameKey = event.nameHash;
		question.queryType = event.queryType;
		const flow = this.dnsFlows.question(event);
		if (flow !== undefined) question.adopt(flow);
		this.#decide(question, event);
		question.outcome = event.verdict === VERDICT.deny ? 0 : OUTCOME.none;
		question.ended = true;
		question.end = event.verdict === VERDICT.deny ? END.denied : 0;
		if (this.#isCounted(question, event, String(event.queryType))) return;
		this.#watchers.opened(question);
		if (event.verdict === VERDICT.deny) {
			question.denialReported = true;
			this.#watchers.denied(question);
			if (event.protocol === PROTOCOL.tcp) this.#o.destroy(event);
		} else this.questions.add(event, question);
		this.kept.addQuestion(question);
	}

	#hello(event: NamedEvent, at: Cursor): void {
		const known = this.#find(event);
		const connection = known ?? this.#factory.fromDecision(event, at, false);
		this.#namer.fromHello(connection, event);
		this.#decide(connection, event);
		if (this.#isCounted(connection, event)) return;
		if (known === undefined) this.#openRecord(connection);
		this.#afterDecision(connection, event);
	}

	/** Cookies of the network namespaces that events named, the newest last. */
	namespaces(): Iterable<number> {
		return this.#namespaces.values();
	}

	#decide(connection: Connection, event: DecisionEvent): void {
		const { netns } = event;
		if (netns !== 0) connection.netns = netns;
		if (netns !== 0 && this.#namespaces.get(netns) === undefined) this.#namespaces.set(netns, netns);
		this.#decisions.apply(connection, event);
		connection.last = this.#factory.wallClock(event);
		if (connection.ended && connection.countedIn === null) this.#watchers.changed(connection);
	}

	/* Whether the denial is counted in the record of an earlier one, so that it has no record itself. */
	#isCounted(connection: Connection, event: DecisionEvent, what = ""): boolean {
		const { protocol } = event;
		if (event.verdict !== VERDICT.deny) return false;
		if (connection.denialReported) {
			/* Each datagram of a flow is denied by itself. A denied segment is the same one, sent again. */
			if (protocol !== PROTOCOL.tcp) this.#count(connection, event);
			return false;
		}
		if (connection.countedIn === null) {
			const earlier = this.repeats.earlier(connection, event, what);
			if (earlier === null) return false;
			connection.countedIn = earlier;
			this.dnsFlows.remove(connection);
			if (!connection.dns && protocol !== PROTOCOL.tcp) this.kept.remove(connection);
			this.#watchers.absorbed(connection);
			this.#count(earlier, event);
		}
		if (protocol === PROTOCOL.tcp && isOfConnected(event.hook)) {
			/* Kept until the event of its end, which would make a record. */
			if (!connection.dns) this.#keepOpen(connection);
			this.#o.destroy(socketOf(connection, event));
		}
		return true;
	}

	#count(record: Connection, event: DecisionEvent): void {
		this.repeats.count(record, this.#factory.wallClock(event));
		this.#watchers.repeated(record);
	}

	#afterDecision(connection: Connection, event: DecisionEvent): void {
		if (event.verdict !== VERDICT.deny) return;
		const over = isOverAtOnce(event) && !connection.ended;
		if (over) {
			connection.ended = true;
			connection.end = END.denied;
		}
		if (!connection.denialReported) {
			connection.denialReported = true;
			this.#watchers.denied(connection);
		}
		if (over) this.#retire(connection);
		else if (event.protocol === PROTOCOL.tcp && isOfConnected(event.hook)) this.#o.destroy(socketOf(connection, event));
	}
}
