/** Structs, enums and maps of a BPF object, as `bpftool btf dump` lists them. */
import { execFileSync } from "node:child_process";

export interface Struct {
	/** Bytes. */
	readonly size: number;
	readonly fields: readonly Field[];
}

export interface Field {
	readonly name: string;
	/** Bytes from the start of the struct. */
	readonly offset: number;
	/** Size [bytes]; for an array, of all elements. */
	readonly size: number;
	/** Null: a single value. */
	readonly elements: number | null;
	/** The field, or an element of the array, is a struct or a union. */
	readonly isStruct: boolean;
}

export interface Btf {
	/** Throws Error if the object has no such struct. */
	struct(name: string): Struct;
	/** Enumerators in the order of the source. Throws Error if the object has no such enum. */
	enumerators(name: string): readonly { readonly name: string; readonly value: number }[];
	/** Names of the enums that begin with sp_. */
	readonly enums: readonly string[];
	/** Names of the maps, sorted. */
	readonly maps: readonly string[];
}

/** Throws if bpftool is missing or the file has no BTF. */
export function readBtf(object: string): Btf {
	const types: readonly RawType[] = JSON.parse(
		execFileSync("bpftool", ["-j", "btf", "dump", "file", object, "format", "raw"], {
			encoding: "utf8",
			// bpftool is in sbin, which a user's PATH may lack.
			env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
			maxBuffer: 64 << 20,
		}),
	).types;
	return describe(new Map(types.map((type) => [type.id, type])));
}

interface RawType {
	readonly id: number;
	readonly kind: string;
	readonly name: string;
	readonly size?: number;
	readonly type_id?: number;
	readonly nr_elems?: number;
	readonly members?: readonly { readonly name: string; readonly type_id: number; readonly bits_offset: number }[];
	readonly values?: readonly { readonly name: string; readonly val: number }[];
	readonly vars?: readonly { readonly type_id: number }[];
}

function describe(types: ReadonlyMap<number, RawType>): Btf {
	const named = (kind: string, name: string): RawType => {
		for (const type of types.values()) if (type.kind === kind && type.name === name) return type;
		throw new Error(`the object's BTF has no ${kind.toLowerCase()} ${name}: add it to bpf/wire/layout.h`);
	};
	const resolved = (id: number | undefined): RawType => {
		const type = types.get(id ?? 0);
		if (type === undefined) throw new Error(`the object's BTF has no type ${id}`);
		return TRANSPARENT.has(type.kind) ? resolved(type.type_id) : type;
	};
	const sizeOf = (type: RawType): number =>
		type.kind === "ARRAY" ? (type.nr_elems ?? 0) * sizeOf(resolved(type.type_id)) : (type.size ?? 0);
	return {
		struct(name) {
			const { size = 0, members = [] } = named("STRUCT", name);
			const fields = members.map((member): Field => {
				const type = resolved(member.type_id);
				const element = type.kind === "ARRAY" ? resolved(type.type_id) : type;
				return {
					name: member.name,
					offset: member.bits_offset / 8,
					size: sizeOf(type),
					elements: type.kind === "ARRAY" ? (type.nr_elems ?? 0) : null,
					isStruct: element.kind === "STRUCT" || element.kind === "UNION",
				};
			});
			return { size, fields };
		},
		enumerators: (name) => (named("ENUM", name).values ?? []).map(({ name, val }) => ({ name, value: val })),
		enums: [...types.values()].filter(({ kind, name }) => kind === "ENUM" && /^sp_/.test(name)).map(({ name }) => name),
		maps: (named("DATASEC", ".maps").vars ?? []).map(({ type_id }) => types.get(type_id)?.name ?? "").sort(),
	};
}

const TRANSPARENT = new Set(["TYPEDEF", "CONST", "VOLATILE"]);
