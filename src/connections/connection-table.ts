import { isUnspecified } from "../base/address.ts";
import type { AnswerEvent, CgroupEvent, NamedEvent, ProcessEvent, RequestEvent } from "../native/event-objects.ts";
import { type DecisionEvent, type EndEvent, type EventHead, keptDecision } from "../native/event-views.ts";
import type { Cursor, EventSink } from "../native/events.ts";
import { ANSWER_FLAG, END, EVENT, HELLO_FLAG, HOOK, PHASE, PROTOCOL, REASON, VERDICT } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";
import { ConnectionNamer, type LookupName } from "./connection-namer.ts";
import { Decisions, type RuleNamer } from "./decisions.ts";
import { DnsFlows } from "./dns-flows.ts";
import { DnsQuestions } from "./dns-questions.ts";
import { type Endpoints, type FactoryOptions, RecordFactory } from "./record-factory.ts";
import { RecordsKept } from "./records-kept.ts";
import type { ReverseLookup } from "./reverse-lookup.ts";
import { type Watcher, Watchers } from "./watchers.ts";

export interface TableOptions extends FactoryOptions {
	readonly names: ReverseLookup;
	readonly rules: RuleNamer;
	/** Limits of RecordsKept. */
	readonly live: number;
	readonly finished: number;
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
	readonly #o: Pick<TableOptions, "processes" | "cgroups" | "names" | "destroy">;
	readonly #watchers = new Watchers();
	readonly #decisions: Decisions;
	readonly #namer: ConnectionNamer;
	readonly #questions = new DnsQuestions();
	readonly #factory: RecordFactory;

	constructor(options: TableOptions) {
		this.#o = options;
		this.kept = new RecordsKept(options.live, options.finished);
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
		if (known === undefined || (event.verdict === VERDICT.deny && this.dnsFlows.remove(connection)))
			this.#openRecord(connection);
		this.#afterDecision(connection, event);
	}

	/** Records a denial that the kernel made when it judged an open connection by a new policy, without a packet. */
	rejudged(connection: Connection, event: DecisionEvent): void {
		this.#decide(connection, event);
		this.#afterDecision(connection, event);
	}

	named(event: NamedEvent, at: Cursor): void {
		this.#o.names.remember(event.nameHash, event.name);
		if (event.type === EVENT.question) this.#question(event, at);
		else this.#hello(event, at);
	}

	request(event: RequestEvent, at: Cursor): void {
		const known = this.#find(event);
		const connection = known ?? this.#factory.fromDecision(event, at, false);
		const { method, path, status, name: host, nameHash } = event;
		connection.request = { method, host, path, status };
		if (status === 0) connection.requests++;
		if (nameHash !== 0 && !connection.nameFromHello) {
			this.#o.names.remember(nameHash, host);
			connection.name = host;
			connection.nameFromRequest = true;
			connection.nameKey = nameHash;
		}
		this.#decide(connection, event);
		if (known === undefined) this.#openRecord(connection);
		this.#afterDecision(connection, event);
	}

	answer(event: AnswerEvent, at: Cursor): void {
		const { address, nameHash: hash, tgid: pid, start, ttl, flags } = event;
		const name = this.#namer.text(hash, at);
		if (name === null) return;
		const trusted = (flags & (ANSWER_FLAG.untrusted | ANSWER_FLAG.capped | ANSWER_FLAG.local)) === 0;
		this.#o.names.answered(address, { name, hash, pid, start, shared: trusted });
		const time = this.#factory.wallClock(event);
		this.#watchers.answered({ name, address, ttl, time, trusted }, this.#questions.answered(event, time));
	}

	end(event: EndEvent): void {
		let connection = this.#ofSocket(event);
		if (connection === undefined) {
			/* Older than the daemon, or evicted. A connection that was denied at connect() has ended, and has sent nothing. */
			if (event.packetsOut + event.packetsIn === 0 || isUnspecified(event.remote)) return;
			connection = this.#factory.fromEnd(event);
			this.#watchers.opened(connection);
		}
		connection.bytesOut = event.bytesOut;
		connection.bytesIn = event.bytesIn;
		connection.packetsOut = event.packetsOut;
		connection.packetsIn = event.packetsIn;
		connection.rttUs = event.rttUs;
		connection.retransmits = event.retransmits;
		connection.last = this.#factory.wallClock(event);
		if (!isUnspecified(event.local)) {
			connection.local = event.local;
			connection.localPort = event.localPort;
		}
		this.finish(connection, event.how);
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
		this.kept.end(connection);
		this.#watchers.ended(connection);
	}

	#ofSocket({ cookie, remote, remotePort, protocol }: EventHead & Endpoints): Connection | undefined {
		return protocol === PROTOCOL.tcp ? this.kept.tcp(cookie) : this.kept.flow(cookie, remote, remotePort, protocol);
	}

	#find(event: DecisionEvent): Connection | undefined {
		const connection = this.#ofSocket(event);
		if (connection === undefined || event.protocol !== PROTOCOL.tcp) return connection;
		if (connection.remotePort === event.remotePort && connection.remote === event.remote) return connection;
		/* The same socket connects to another address, so its previous connection was never established. */
		this.finish(connection, END.refused);
		return undefined;
	}

	#openRecord(connection: Connection): void {
		const dropped = this.kept.open(connection);
		if (dropped !== undefined) {
			this.dropped++;
			this.finish(dropped, 0);
		}
		this.#watchers.opened(connection);
	}

	#question(event: NamedEvent, at: Cursor): void {
		const question = this.#factory.fromDecision(event, at, true);
		question.name = event.name;
		question.nameKey = event.nameHash;
		question.queryType = event.queryType;
		const flow = this.dnsFlows.question(event);
		if (flow !== undefined) question.adopt(flow);
		this.#decide(question, event);
		question.ended = true;
		question.end = event.verdict === VERDICT.deny ? END.denied : 0;
		this.#watchers.opened(question);
		if (event.verdict === VERDICT.deny) {
			question.denialReported = true;
			this.#watchers.denied(question);
			if (event.protocol === PROTOCOL.tcp) this.#o.destroy(event);
		} else this.#questions.add(event, question);
		this.kept.addQuestion(question);
	}

	#hello(event: NamedEvent, at: Cursor): void {
		const known = this.#find(event);
		const connection = known ?? this.#factory.fromDecision(event, at, false);
		if (event.name !== "") {
			connection.name = event.name;
			connection.nameFromHello = true;
			connection.nameFromRequest = false;
			connection.nameKey = event.nameHash;
		}
		connection.ech = (event.flags & HELLO_FLAG.ech) !== 0;
		this.#decide(connection, event);
		if (known === undefined) this.#openRecord(connection);
		this.#afterDecision(connection, event);
	}

	#decide(connection: Connection, event: DecisionEvent): void {
		this.#decisions.apply(connection, event);
		connection.last = this.#factory.wallClock(event);
	}

	#afterDecision(connection: Connection, event: DecisionEvent): void {
		if (event.verdict !== VERDICT.deny) return;
		/* A denied connect(): the kernel sends no event for its end. */
		const over = event.protocol === PROTOCOL.tcp && event.hook === HOOK.connect && !connection.ended;
		if (over) {
			connection.ended = true;
			connection.end = END.denied;
		}
		if (!connection.denialReported) {
			connection.denialReported = true;
			this.#watchers.denied(connection);
		}
		if (over) this.#retire(connection);
		else if (event.protocol === PROTOCOL.tcp && isOfConnected(event.hook)) this.#o.destroy(keptDecision(event));
	}
}

/* The socket is connected in these hooks. An answer to a request is read at ingress. */
function isOfConnected(hook: number): boolean {
	return hook === HOOK.egress || hook === HOOK.ingress;
}
