import { addressText, isLearnable, packAddress } from "../base/address.ts";
import { DNS_PORT, NAMES_PER_ADDRESS, PROTOCOL } from "../native/layout.ts";
import type { Connection } from "../policy/evaluate/evaluate.ts";
import { explain, type PhaseExplanation } from "../policy/evaluate/explain.ts";
import type { HttpRequest } from "../policy/evaluate/http-request.ts";
import { atTime } from "../policy/layers.ts";
import { type Environment, PHASES, type Phase, type Policy, type Who } from "../policy/model.ts";
import { PROTOCOL_FORMS, protocolNumber } from "../records/protocols.ts";

/** A connection, or a part of one, to be judged by a policy. */
export interface ExplainQuestion {
	readonly who?: {
		readonly exe?: string;
		readonly user?: string | number;
		readonly unit?: string;
		readonly container?: string;
		readonly cgroup?: string;
	};
	readonly to?: { readonly address?: string; readonly port?: number; readonly protocol?: string };
	readonly name?: string;
	readonly request?: { readonly method?: string; readonly path?: string; readonly status?: number };
	readonly phases?: readonly Phase[];
	readonly assumeLearned?: boolean;
}

/** Facts of this host. */
export interface ExplainFacts {
	readonly environment: Pick<Environment, "uidOf" | "exeOf">;
	/** Unexpired names that the kernel holds for an address, the longest-lived first. */
	readonly learned: (address: string) => readonly string[];
	/** Addresses that DNS answered for a name, the latest first. */
	readonly addressesOf: (name: string) => readonly string[];
	readonly isTrustedResolver: (address: string) => boolean;
	/** CLOCK_BOOTTIME [ms]. */
	readonly bootTime: () => number;
}

export interface Explained {
	readonly subject: Subject;
	readonly phases: readonly PhaseExplanation[];
}

export interface Subject {
	readonly address: string | null;
	readonly port: number;
	readonly protocol: number;
	readonly name: string | null;
	readonly learned: readonly string[];
	readonly trustedResolver: boolean;
	readonly who: Who;
	/** Null: not an HTTP request. */
	readonly request: HttpRequest | null;
}

/** Invalid part of a question. */
export class QuestionError extends Error {
	/** JSON pointer (RFC 6901). */
	readonly pointer: string;

	constructor(pointer: string, message: string) {
		super(message);
		this.name = "QuestionError";
		this.pointer = pointer;
	}
}

/** The verdict of each phase, with the rules that were looked at. Throws QuestionError. */
export function explainPolicy(policy: Policy, question: ExplainQuestion, facts: ExplainFacts): Explained {
	const subject = subjectOf(question, facts);
	const { address, port, protocol, name, learned, trustedResolver, who, request } = subject;
	const phases = phasesFor(question, subject);
	const connection: Omit<Connection, "phase"> = {
		address: address ?? "0.0.0.0",
		port,
		protocol,
		who,
		learned,
		name,
		trustedResolver,
		dnsMessage: trustedResolver && port === DNS_PORT,
		...(request === null ? {} : { request }),
	};
	const now = atTime(policy, facts.bootTime());
	return { subject, phases: phases.map((phase) => explain(now, { ...connection, phase })) };
}

function subjectOf(question: ExplainQuestion, facts: ExplainFacts): Subject {
	const { who, to = {}, name: asked, assumeLearned = true } = question;
	const request = requestOf(question);
	const name = asked === undefined ? null : asked.toLowerCase().replace(/\.$/, "");
	const text = to.address ?? (name === null ? undefined : facts.addressesOf(name)[0]);
	const packed = text === undefined ? null : packAddress(text);
	if (text !== undefined && packed === null) throw new QuestionError("/to/address", `"${text}" is not an address`);
	const address = packed === null ? null : addressText(packed);
	const known = address === null ? [] : facts.learned(address);
	const isAssumed = assumeLearned && (packed === null || isLearnable(packed));
	const learned = name === null || known.includes(name) || !isAssumed ? known : [name, ...known];
	const protocol = protocolOf(to.protocol ?? "tcp");
	const hasPorts = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp;
	return {
		address,
		port: hasPorts ? (to.port ?? (request === null ? DEFAULT_PORT : HTTP_PORT)) : 0,
		protocol,
		name,
		learned: learned.slice(0, NAMES_PER_ADDRESS),
		trustedResolver: address !== null && facts.isTrustedResolver(address),
		who: whoOf(who ?? {}, facts.environment),
		request,
	};
}

function requestOf({ request, phases }: ExplainQuestion): HttpRequest | null {
	if (request === undefined && phases?.includes("http") !== true) return null;
	const { method = "GET", path = "/", status = null } = request ?? {};
	return { method, path, status };
}

function phasesFor({ phases }: ExplainQuestion, { address, protocol, name, request }: Subject): readonly Phase[] {
	if (name === null && address === null) throw new QuestionError("/name", "give a name, an address, or both");
	if (phases !== undefined) {
		if (address === null && phases.some((phase) => phase !== "dns")) {
			throw new QuestionError(
				"/to/address",
				"phases connect, tls and http need an address; none is known for this name",
			);
		}
		return PHASES.filter((phase) => phases.includes(phase));
	}
	if (address === null) return ["dns"];
	const shown: readonly Phase[] =
		protocol !== PROTOCOL.tcp ? [] : request !== null ? ["http"] : name !== null ? ["tls"] : [];
	return name === null ? ["connect", ...shown] : ["dns", "connect", ...shown];
}

/** The subject of a question; parts that it does not name match no condition. Throws QuestionError. */
export function whoOf(who: NonNullable<ExplainQuestion["who"]>, environment: ExplainFacts["environment"]): Who {
	const found = who.exe === undefined ? undefined : environment.exeOf(who.exe)[0];
	return {
		exe: who.exe === undefined ? null : (found ?? { dev: -1, path: who.exe }),
		uid: who.user === undefined ? UNKNOWN_UID : uidOf(String(who.user), environment),
		cgroup: who.cgroup === undefined ? cgroupOf(who.unit, who.container) : who.cgroup.replace(/^\/+|\/+$/g, ""),
	};
}

function uidOf(user: string, environment: ExplainFacts["environment"]): number {
	if (/^\d{1,10}$/.test(user)) return Number(user);
	const uid = environment.uidOf(user);
	if (uid === null) throw new QuestionError("/who/user", `"${user}" is neither a user of this host nor a uid`);
	return uid;
}

/* A path from which policy/cgroup-path.ts reads this unit and container. */
function cgroupOf(unit: string | undefined, container: string | undefined): string {
	const parts: string[] = [];
	if (unit !== undefined) parts.push(unit.replaceAll("/", "-"));
	if (container !== undefined) {
		const isId = /^[0-9a-f]{12,64}$/.test(container);
		parts.push(isId ? container.padEnd(64, "0") : `lxc.payload.${container.replaceAll("/", "-")}`);
	}
	return parts.join("/");
}

function protocolOf(text: string): number {
	const number = protocolNumber(text);
	if (number === null) throw new QuestionError("/to/protocol", `"${text}" is not ${PROTOCOL_FORMS}`);
	return number;
}

const DEFAULT_PORT = 443;
const HTTP_PORT = 80;
const UNKNOWN_UID = -1;
/** The kernel keeps at most this many names for one address. */
