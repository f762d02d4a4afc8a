import { isUnspecified } from "../base/address.ts";
import { type DecisionEvent, type EndEvent, keptDecision } from "../native/event-views.ts";
import { HOOK, PROTOCOL } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";

/** Takes over the counters of a socket that was released. `time`: wall clock [ms]. */
export function takeCounters(connection: Connection, event: EndEvent, time: number): void {
	connection.bytesOut = event.bytesOut;
	connection.bytesIn = event.bytesIn;
	connection.packetsOut = event.packetsOut;
	connection.packetsIn = event.packetsIn;
	connection.rttUs = event.rttUs;
	connection.retransmits = event.retransmits;
	connection.last = time;
	if (isUnspecified(event.local)) return;
	connection.local = event.local;
	connection.localPort = event.localPort;
}

/** The event has the destination of the connection. */
export function isToSame(connection: Connection, event: DecisionEvent): boolean {
	return connection.remotePort === event.remotePort && connection.remote === event.remote;
}

/** The socket is connected in these hooks. An answer to a request is read at ingress. */
export function isOfConnected(hook: number): boolean {
	return hook === HOOK.egress || hook === HOOK.ingress;
}

/**
 * A denied connect(), or a denied datagram: the kernel sends no event for its end, and has no flow. Each denied datagram would otherwise
 * be an open flow, and displace flows that are open.
 */
export function isOverAtOnce({ hook, protocol }: DecisionEvent): boolean {
	return hook === HOOK.connect || (hook === HOOK.sendmsg && protocol !== PROTOCOL.tcp);
}

/** A copy of the event that identifies the socket of the connection. NAT rewrites the ports of a packet. */
export function socketOf(connection: Connection, event: DecisionEvent): DecisionEvent {
	const kept = keptDecision(event);
	return isToSame(connection, event) ? kept : { ...kept, localPort: 0 };
}
