/**
 * The text of src/native/event-views.ts: interface, view and copy of the most frequent events, from one list of fields.
 * A view reads a field from the batch when it is used. The code is generated rather than built at run time, so that a
 * getter is a direct call and a copy an object literal.
 */
import type { Btf, Field } from "./btf.ts";
import { camel } from "./numbers.ts";

interface Event {
	readonly struct: string;
	/** The name of its offsets in layout.ts. */
	readonly offsets: string;
	/** Fields of the struct that the view does not have. */
	readonly omit: readonly string[];
}

const HEAD: Event = { struct: "sp_head", offsets: "HEAD", omit: ["size", "version"] };
const EVENTS: Readonly<Record<string, Event>> = {
	Decision: {
		struct: "sp_decision",
		offsets: "DECISION",
		// Few callers read comm, which costs a string: Cursor.comm() reads it.
		omit: ["head", "action", "name_len", "comm", "reserved"],
	},
	End: { struct: "sp_end", offsets: "FLOW_END", omit: ["head", "state", "reserved"] },
};
/** Events with a function that copies them. */
const KEPT = ["Decision"];

/** Names that differ from the C field's. */
const NAMES: Readonly<Record<string, string>> = { cgroup: "cgroupId" };

/** Readers in fields.ts of 64-bit fields that are not plain unsigned numbers. */
const READERS: Readonly<Record<string, string>> = { cookie: "readSigned64", name_hash: "hashKey" };

const DOCS: Readonly<Record<string, string>> = {
	type: "EVENT.",
	time: "CLOCK_MONOTONIC [ns].",
	cookie: "Of the socket; 0: none.",
	start: "CLOCK_BOOTTIME at which the process started [ns].",
	cgroup: "kernfs id; 0: unknown.",
	rule: "Index of the rule that decided, or NO_RULE.",
	alert: "Index of the first alert rule that matched, or NO_RULE.",
	remote: "Packed address (src/base/address.ts).",
	local: "Packed address.",
	name_hash: "53 bits of the hash (hashKey in fields.ts); 0: no name.",
	netns: "Cookie of the socket's network namespace.",
	bytes_out: "Payload [bytes].",
	packets_out: "Segments or datagrams.",
	how: "END.",
	rtt_us: "Smoothed round-trip time [us]; 0: unknown.",
};

/** @param header a comment for the top of the file */
export function eventViewsText(btf: Btf, header: string): string {
	const head = fieldsOf(btf, HEAD);
	const parts = [header];
	parts.push('import { address, hashKey, readSigned64, readUnsigned64 } from "./fields.ts";\n');
	parts.push(
		`import { ${["HEAD", ...Object.values(EVENTS).map(({ offsets }) => offsets)].sort().join(", ")} } from "./layout.ts";\n\n`,
	);
	parts.push(`/** Fields of all events. */\nexport interface EventHead {\n${head.map(declaration).join("")}}\n`);
	for (const [name, event] of Object.entries(EVENTS)) {
		const own = fieldsOf(btf, event);
		parts.push(`\nexport interface ${name}Event extends EventHead {\n${own.map(declaration).join("")}}\n`);
		if (KEPT.includes(name)) parts.push(copy(name, [...head, ...own]));
		parts.push(view(name, [...head, ...own]));
	}
	return parts.join("");
}

interface ViewField {
	readonly name: string;
	readonly doc: string | undefined;
	readonly type: "number" | "string";
	/** The expression that reads the field. */
	readonly read: string;
}

function fieldsOf(btf: Btf, { struct, offsets, omit }: Event): ViewField[] {
	const { fields } = btf.struct(struct);
	const unknown = omit.filter((name) => !fields.some((field) => field.name === name));
	if (unknown.length > 0)
		throw new Error(`${struct} has no ${unknown.join(", ")}: fix EVENTS in scripts/layout/event-views.ts`);
	return fields
		.filter(({ name }) => !omit.includes(name))
		.map((field) => ({
			name: NAMES[field.name] ?? camel(field.name),
			doc: DOCS[field.name],
			type: field.elements === null ? "number" : "string",
			read: reader(field, `this.at + ${offsets}.${camel(field.name)}`),
		}));
}

function reader({ name, size, elements }: Field, at: string): string {
	if (elements === 16 && size === 16) return `address(this.batch, ${at})`;
	if (elements === null && size === 1) return `this.view.getUint8(${at})`;
	if (elements === null && size === 8) return `${READERS[name] ?? "readUnsigned64"}(this.view, ${at})`;
	if (elements === null && (size === 2 || size === 4)) return `this.view.getUint${8 * size}(${at}, true)`;
	throw new Error(`no reader for the field ${name}: fix scripts/layout/event-views.ts`);
}

function declaration({ name, doc, type }: ViewField): string {
	return `${doc === undefined ? "" : `\t/** ${doc} */\n`}\treadonly ${name}: ${type};\n`;
}

function copy(name: string, fields: readonly ViewField[]): string {
	return `
/** A copy that stays valid when the batch is overwritten. */
export function kept${name}(event: ${name}Event): ${name}Event {
	return {
${fields.map((field) => `\t\t${field.name}: event.${field.name},\n`).join("")}	};
}
`;
}

function view(name: string, fields: readonly ViewField[]): string {
	return `
/** The event at offset \`at\` of the batch. One object serves a whole batch, and is valid until \`at\` moves. */
export class ${name}InBatch implements ${name}Event {
	readonly batch: Buffer;
	readonly view: DataView;
	at = 0;

	constructor(batch: Buffer, view: DataView) {
		this.batch = batch;
		this.view = view;
	}
${fields.map((field) => `\n\tget ${field.name}(): ${field.type} {\n\t\treturn ${field.read};\n\t}\n`).join("")}}
`;
}
