import type { ConnectionView } from "./view.ts";

/** What would allow a denied connection. */
export interface Remedy {
	/** Sentences. */
	readonly text: string;
	/** A rule to paste into a group of the policy; null: none helps. */
	readonly rule: string | null;
}

/** The parts of a record that it depends on. */
export type Denied = Pick<
	ConnectionView,
	"verdict" | "phase" | "reason" | "group" | "rule" | "decisions" | "protocol" | "remote" | "remotePort" | "name"
> & { readonly kind: ConnectionView["kind"]; readonly process: { readonly exe: string | null } | null };

/** What would allow the connection of a record; null: it is allowed. docs/no-sni.md explains rules for clients without a name. */
export function remedyOf(record: Denied): Remedy | null {
	const { verdict, reason } = record;
	if (verdict === "allow" || reason === null) return null;
	const { text, to } = (BY_REASON.get(reason) ?? OTHER)(record);
	/* A rule for phase dns needs a domain. */
	const isWritable = to !== null && (to === "name" || record.phase !== "dns");
	return { text, rule: isWritable ? ruleOf(record, to) : null };
}

/** How the rule names the destination. `client`: by program and port, in one phase. */
type Destination = "name" | "address" | "client";

interface Advice {
	readonly text: string;
	readonly to: Destination | null;
}

const OTHER = (): Advice => ({ text: "A rule by address allows it.", to: "address" });

/** By reason; not all reasons deny. */
const ADVICE: Readonly<Record<string, (record: Denied) => Advice>> = {
	rule: ({ group, rule, name }) => {
		if (rule === null) return { text: "A rule of a policy that is no longer known denied it.", to: null };
		if (isOfOverlay(group)) return { text: `${overlayText(rule, group)}.`, to: null };
		const text = `Rule ${rule} of group ${group} denies it. Narrow that rule, or put this one before it.`;
		return { text, to: name === null ? "address" : "name" };
	},
	default: ({ name }) => ({ text: "No rule allows it. This one does.", to: name === null ? "address" : "name" }),
	name_unbound: ({ name, remote }) => ({
		text:
			`A rule allows ${name ?? "the name"}, but no trusted resolver returned ${remote} for it. The client must resolve ` +
			"the name through a trusted resolver (`resolvers` in the policy). Otherwise allow the address.",
		to: "address",
	}),
	name_expired: ({ name, remote }) => ({
		text:
			`The DNS answer that gave ${remote} has expired, and the client has kept the address. The daemon keeps a name ` +
			`resolved that an allow rule has without *${name === null ? "" : ", as in this rule"}.`,
		to: name === null ? "address" : "name",
	}),
	name_capped: ({ name, remote }) => ({
		text: `${name ?? "The name"} has more addresses than are learned, and ${remote} is not among them. Allow its addresses.`,
		to: "address",
	}),
	name_missing: (record) => ({
		text: isBoundByName(record)
			? `The client sent no name. Phase connect has allowed the address, because DNS gave it for ${record.name ?? "a name of a rule"}. ` +
				`This rule lets the program go without a name in phase ${record.phase}.`
			: "The client sent no name, so no rule with a domain matches. This rule allows it by address.",
		to: "client",
	}),
	name_bad: () => ({
		text: "The client sent a name that is not a host name. Only a rule without a domain allows it.",
		to: "client",
	}),
	incomplete: () => ({
		text: "The client did not send all of its ClientHello within 10 s. Only a rule without a domain allows it.",
		to: "client",
	}),
	not_tls: () => ({
		text:
			"The connection was allowed only to send a ClientHello (name_binding: sni), and something else was sent. Allow the " +
			"address, or use name_binding: strict.",
		to: "address",
	}),
	unreadable: () => ({
		text: `What was sent cannot be parsed. ${WITHOUT_NAME}`,
		to: "client",
	}),
	unread: ({ group, rule }) => {
		const text = "What was sent cannot be read, so it may be for any name. ";
		if (rule === null) return { text: `${text}${WITHOUT_NAME}`, to: "client" };
		if (isOfOverlay(group)) return { text: `${text}${overlayText(rule, group)}.`, to: null };
		return {
			text: `${text}Rule ${rule} of group ${group} therefore denies it. Put this rule before it.`,
			to: "client",
		};
	},
	quic_unread: () => ({ text: `The name in this version of QUIC cannot be read. ${WITHOUT_NAME}`, to: "client" }),
	no_room: () => ({ text: "A kernel map was full, so the default decided: `sallyport status` shows which.", to: null }),
	no_policy: () => ({ text: "No policy was in force.", to: null }),
};
const BY_REASON = new Map(Object.entries(ADVICE));

const WITHOUT_NAME = "Only a rule without a domain, method or path allows it.";

/* An overlay is above the policy, so no rule of the policy helps. */
function isOfOverlay(group: string | null): group is string {
	return group?.startsWith("@") === true;
}

function overlayText(rule: string, group: string): string {
	return group.startsWith("@shared-")
		? `Rule ${rule}, which several overlays share, denies it: \`sallyport overlays\` lists them`
		: `Rule ${rule} of overlay ${group.slice(1)} denies it: \`sallyport revoke ${group.slice(1)}\` ends the overlay`;
}

/* Phase connect allows only addresses that DNS gave for a name of a rule, so the rule needs no address. */
function isBoundByName({ name, decisions, phase }: Denied): boolean {
	return (
		phase !== "connect" && name !== null && decisions.connect?.verdict === "allow" && decisions.connect.rule !== null
	);
}

function ruleOf(record: Denied, by: Destination): string {
	const { kind, protocol, remote, remotePort, name, phase } = record;
	const hasPorts = protocol === "tcp" || protocol === "udp";
	const exe = record.process?.exe ?? null;
	const bound = by === "client" && isBoundByName(record) && exe !== null;
	const port = kind === "dns" ? 443 : remotePort;
	const to = [
		...(by === "name" && name !== null ? [`domain: ${quoted(name)}`] : bound ? [] : [`cidr: ${quoted(remote)}`]),
		...(hasPorts ? [`ports: ${port}`] : []),
		...(kind === "dns" ? [] : [`protocol: ${quoted(protocol)}`]),
	];
	const parts = [
		`name: ${ruleName(by === "name" && name !== null ? name : (exe?.split("/").at(-1) ?? `port-${port}`))}`,
		"action: allow",
		...(by === "client" && phase !== null && phase !== "connect" && record.decisions.connect?.verdict === "allow"
			? [`phases: ${phase}`]
			: []),
		...(by === "client" && exe !== null ? [`from: { exe: ${quoted(exe)} }`] : []),
		`to: { ${to.join(", ")} }`,
	];
	return `- { ${parts.join(", ")} }`;
}

/* Characters that a rule's name may have. */
function ruleName(text: string): string {
	return (
		text
			.replaceAll(/[^A-Za-z0-9._-]+/g, "-")
			.replace(/^[^A-Za-z0-9]+/, "")
			.slice(0, 63) || "allowed"
	);
}

/* A YAML scalar: plain if it cannot be read as anything else. */
function quoted(text: string): string {
	return /^[a-z/][A-Za-z0-9./_-]*$/.test(text) || /^[0-9]+(\.[0-9]+){3}$/.test(text) ? text : JSON.stringify(text);
}
