import { isUnspecified } from "../base/address.ts";
import { BoundedMap } from "../base/lru.ts";
import type { CgroupTable } from "../identity/cgroup-table.ts";
import type { ProcessTable } from "../identity/process-table.ts";
import type { AnswerEvent, CgroupEvent, NamedEvent, ProcessEvent, RequestEvent } from "../native/event-objects.ts";
import { type DecisionEvent, type EndEvent, type EventHead, keptDecision } from "../native/event-views.ts";
import type { Cursor, EventSink } from "../native/events.ts";
import {
	ANSWER_FLAG,
	END,
	EVENT,
	HELLO_FLAG,
	HOOK,
	NO_RULE,
	PHASE,
	PROTOCOL,
	REASON,
	VERDICT,
} from "../native/layout.ts";
import { Connection } from "../records/connection.ts";
import type { Clock } from "../system/clock.ts";
import { Decisions, type RuleNamer } from "./decisions.ts";
import type { Names } from "./dns-names.ts";
import type { Answer } from "./name-book.ts";
import { type LookupName, Naming } from "./naming.ts";
import { RecordsKept } from "./records-kept.ts";

/** Called synchronously, within the batch. */
export interface Watcher {
	opened?(connection: Connection): void;
	/** An enforced denial, as often as one becomes new. */
	denied?(connection: Connection): void;
	ended?(connection: Connection): void;
	/** An address that DNS gave for a name, and the question it answers if that is known. */
	answered?(answer: Answer, question: Connection | null): void;
}

export interface TableOptions {
	readonly processes: ProcessTable;
	readonly cgroups: CgroupTable;
	readonly names: Names;
	readonly rules: RuleNamer;
	readonly clock: Clock;
	readonly live: number;
	readonly finished: number;
	readonly lookupName: LookupName;
	/** A socket that must end now: TCP, denied after it was connected. */
	readonly destroy: (event: DecisionEvent) => void;
	/** The id of a record that began at `first` (wall clock, ms); by default from 1. */
	readonly nextId?: (first: number) => number;
}

/** The records: what the kernel's events say, put together by socket. */
export class ConnectionTable implements EventSink {
	/** Open records that made room for newer ones. */
	dropped = 0;
	readonly kept: RecordsKept;
	readonly #o: TableOptions;
	readonly #questions = new BoundedMap<string, Connection>(1_024);
	#watchers: readonly Watcher[] = [];
	readonly #decisions: Decisions;
	readonly #naming: Naming;
	#offset = 0;
	#nextId = 1;

	constructor(options: TableOptions) {
		this.#o = options;
		this.kept = new RecordsKept(options.live, options.finished);
		this.#decisions = new Decisions(options.rules);
		this.#naming = new Naming(options.names, options.lookupName);
	}

	beginBatch(): void {
		this.#offset = this.#o.clock.offset();
		this.#o.processes.beginBatch();
	}

	watch(watcher: Watcher): () => void {
		this.#watchers = [...this.#watchers, watcher];
		return () => {
			this.#watchers = this.#watchers.filter((each) => each !== watcher);
		};
	}

	decision(event: DecisionEvent, at: Cursor): void {
		if (NOT_EGRESS[event.reason] === true) return;
		/* The question itself is the record. */
		if (event.reason === REASON.resolver && event.protocol !== PROTOCOL.tcp) return;
		const known = this.#find(event);
		const connection = known ?? this.#open(event, at);
		if (!connection.nameFromHello && !connection.nameFromRequest && event.phase === PHASE.connect)
			this.#naming.fromDns(connection, event, at);
		this.#decide(connection, event);
		if (known === undefined) for (const watcher of this.#watchers) watcher.opened?.(connection);
		this.#afterDecision(connection, event);
	}

	/** Records a denial of a connection in this table that no packet caused: the kernel judged it by a new policy. */
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
		const connection = known ?? this.#open(event, at);
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
		if (known === undefined) for (const watcher of this.#watchers) watcher.opened?.(connection);
		this.#afterDecision(connection, event);
	}

	answer(event: AnswerEvent, at: Cursor): void {
		const name = this.#naming.text(event.nameHash, at);
		if (name === null) return;
		const shared = (event.flags & (ANSWER_FLAG.untrusted | ANSWER_FLAG.capped)) === 0;
		this.#o.names.answered(event.address, { name, hash: event.nameHash, pid: event.tgid, start: event.start, shared });
		const time = event.time / 1e6 + this.#offset;
		const type = event.address.startsWith("\0\0\0\0\0\0\0\0\0\0\xff\xff") ? TYPE_A : TYPE_AAAA;
		const question = this.#questions.get(questionKey(event.cookie, event.nameHash, type));
		if (question !== undefined) {
			question.addresses ??= [];
			if (question.addresses.length < ADDRESSES && !question.addresses.includes(event.address))
				question.addresses.push(event.address);
			question.last = time;
		}
		const { address, ttl } = event;
		for (const watcher of this.#watchers)
			watcher.answered?.({ name, address, ttl, time, trusted: shared }, question ?? null);
	}

	end(event: EndEvent): void {
		const tcp = event.protocol === PROTOCOL.tcp;
		let connection = tcp
			? this.kept.tcp(event.cookie)
			: this.kept.flow(event.cookie, event.remote, event.remotePort, event.protocol);
		if (connection === undefined) {
			/* Older than this daemon, or dropped. One that was denied at connect has sent nothing and has its record. */
			if (event.packetsOut + event.packetsIn === 0 || isUnspecified(event.remote)) return;
			connection = this.#create(event, false, 0, null);
			for (const watcher of this.#watchers) watcher.opened?.(connection);
		}
		connection.bytesOut = event.bytesOut;
		connection.bytesIn = event.bytesIn;
		connection.packetsOut = event.packetsOut;
		connection.packetsIn = event.packetsIn;
		connection.rttUs = event.rttUs;
		connection.retransmits = event.retransmits;
		connection.last = event.time / 1e6 + this.#offset;
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

	/** `how`: enum sp_end_how; 0: not known. */
	finish(connection: Connection, how: number): void {
		if (connection.ended) return;
		connection.ended = true;
		connection.end = connection.verdict === VERDICT.deny ? END.denied : how;
		this.#retire(connection);
	}

	#retire(connection: Connection): void {
		this.kept.end(connection);
		for (const watcher of this.#watchers) watcher.ended?.(connection);
	}

	#find(event: DecisionEvent): Connection | undefined {
		if (event.protocol !== PROTOCOL.tcp)
			return this.kept.flow(event.cookie, event.remote, event.remotePort, event.protocol);
		const connection = this.kept.tcp(event.cookie);
		if (connection === undefined || (connection.remotePort === event.remotePort && connection.remote === event.remote))
			return connection;
		/* The same socket connects elsewhere: what it tried before has come to nothing. */
		this.finish(connection, END.refused);
		return undefined;
	}

	#open(event: DecisionEvent, at: Cursor): Connection {
		const connection = this.#create(event, false, event.uid, at);
		const dropped = this.kept.open(connection);
		if (dropped !== undefined) {
			this.dropped++;
			this.finish(dropped, 0);
		}
		return connection;
	}

	#create(event: EventHead & Where, dns: boolean, uid: number, at: Cursor | null): Connection {
		const process = this.#o.processes.of(event, uid, at === null ? null : () => at.comm());
		const first = event.time / 1e6 + this.#offset;
		return new Connection({
			id: this.#o.nextId?.(first) ?? this.#nextId++,
			cookie: event.cookie,
			dns,
			first,
			process,
			uid: at === null ? (process?.uid ?? 0) : uid,
			cgroup: this.#o.cgroups.of(event.cgroupId),
			protocol: event.protocol,
			remote: event.remote,
			remotePort: event.remotePort,
			local: event.local,
			localPort: event.localPort,
		});
	}

	#question(event: NamedEvent, at: Cursor): void {
		const connection = this.#create(event, true, event.uid, at);
		connection.name = event.name;
		connection.nameKey = event.nameHash;
		connection.queryType = event.queryType;
		this.#decide(connection, event);
		connection.ended = true;
		connection.end = event.verdict === VERDICT.deny ? END.denied : 0;
		for (const watcher of this.#watchers) watcher.opened?.(connection);
		if (event.verdict === VERDICT.deny) {
			connection.denialReported = true;
			for (const watcher of this.#watchers) watcher.denied?.(connection);
			if (event.protocol === PROTOCOL.tcp) this.#o.destroy(event);
		} else this.#questions.set(questionKey(event.cookie, event.nameHash, event.queryType), connection);
		this.kept.add(connection);
	}

	#hello(event: NamedEvent, at: Cursor): void {
		const known = this.#find(event);
		const connection = known ?? this.#open(event, at);
		if (event.name !== "") {
			connection.name = event.name;
			connection.nameFromHello = true;
			connection.nameFromRequest = false;
			connection.nameKey = event.nameHash;
		}
		connection.ech = (event.flags & HELLO_FLAG.ech) !== 0;
		this.#decide(connection, event);
		if (known === undefined) for (const watcher of this.#watchers) watcher.opened?.(connection);
		this.#afterDecision(connection, event);
	}

	#decide(connection: Connection, event: DecisionEvent): void {
		connection.decide(this.#decisions.of(event));
		connection.last = event.time / 1e6 + this.#offset;
		if (connection.localPort === 0 && event.localPort !== 0) {
			connection.local = event.local;
			connection.localPort = event.localPort;
		}
		if (event.alert !== NO_RULE) {
			const alert = this.#o.rules.ruleOf(event.generation, event.alert);
			if (alert !== null) connection.alert(alert);
		}
		if (connection.verdict !== VERDICT.deny) connection.denialReported = false;
	}

	#afterDecision(connection: Connection, event: DecisionEvent): void {
		if (event.verdict !== VERDICT.deny) return;
		/* A connect() that failed: this is all that will be heard of it. */
		const over = event.protocol === PROTOCOL.tcp && event.hook === HOOK.connect && !connection.ended;
		if (over) {
			connection.ended = true;
			connection.end = END.denied;
		}
		if (!connection.denialReported) {
			connection.denialReported = true;
			for (const watcher of this.#watchers) watcher.denied?.(connection);
		}
		if (over) this.#retire(connection);
		else if (event.protocol === PROTOCOL.tcp && DESTROYS[event.hook] === true) this.#o.destroy(keptDecision(event));
	}
}

type Where = Pick<DecisionEvent, "protocol" | "remote" | "remotePort" | "local" | "localPort">;

const TYPE_A = 1;
const TYPE_AAAA = 28;
const ADDRESSES = 16;

const NOT_EGRESS: readonly boolean[] = Object.assign(new Array<boolean>(16).fill(false), {
	[REASON.inbound]: true,
	[REASON.kernel]: true,
});

/* Hooks that meet a socket which is connected: the answer to a request is met on its way in. */
const DESTROYS: readonly boolean[] = Object.assign(new Array<boolean>(8).fill(false), {
	[HOOK.egress]: true,
	[HOOK.ingress]: true,
});

function questionKey(cookie: number, nameHash: number, type: number): string {
	return `${cookie} ${type} ${nameHash}`;
}
