export const text = { type: "string", minLength: 1, maxLength: 512 } as const;
export const time = { type: "string", format: "date-time" } as const;
export const number = { type: "number" } as const;
export const integer = { type: "integer" } as const;
export const string = { type: "string" } as const;
export const boolean = { type: "boolean" } as const;

export const nullable = <T extends string>(type: T) => ({ type: [type, "null"] }) as const;

/** An object of a response: open, because responses may gain members. All members are required unless listed in `optional`. */
export function object<P extends object>(properties: P, optional: readonly (keyof P)[] = []) {
	const required = Object.keys(properties).filter((key) => !optional.includes(key as keyof P));
	return { type: "object" as const, required, properties };
}

export function list<I extends object>(items: I) {
	return { type: "array" as const, items };
}

/** A schema under `components/schemas` of the OpenAPI document; `$id` is its name there. */
export interface NamedSchema {
	readonly $id: string;
	readonly [keyword: string]: unknown;
}

export interface NamedObject<P extends object> extends NamedSchema {
	readonly properties: P;
}

export function namedObject<P extends object>(
	$id: string,
	description: string,
	properties: P,
	{
		optional = [],
		...keywords
	}: { readonly optional?: readonly (keyof P)[]; readonly examples?: readonly object[] } = {},
): NamedObject<P> {
	return { $id, description, ...object(properties, optional), ...keywords };
}

/** An enumeration; its values come from a table of src/native/vocabulary.ts, or are given. */
export function namedEnum($id: string, description: string, values: readonly (string | null)[]): NamedSchema {
	return { $id, description, type: "string", enum: names(values) };
}

export function ref({ $id }: NamedSchema) {
	return { $ref: `${$id}#` };
}

export function orNull(schema: NamedSchema) {
	return { anyOf: [ref(schema), { type: "null" }] };
}

/** The names in a table of src/native/vocabulary.ts, without its gaps. */
export function names(table: readonly (string | null)[]): string[] {
	return table.filter((name) => name !== null);
}

/** A response as JSON, and as text of other media types. */
export function response(
	schema: NamedSchema,
	texts: readonly string[] = [],
	headers: Readonly<Record<string, object>> = {},
) {
	const json = ["application/json", { schema: ref(schema) }] as const;
	return {
		description: schema["description"],
		...(Object.keys(headers).length === 0 ? {} : { headers }),
		content: Object.fromEntries([json, ...texts.map((type) => [type, { schema: string }] as const)]),
	};
}

/** Request headers of a route, by name in lower case, with their descriptions. */
export function headers(descriptions: Readonly<Record<string, string>>) {
	const properties = Object.entries(descriptions).map(([name, description]) => [name, { ...string, description }]);
	return { type: "object", properties: Object.fromEntries(properties) };
}
