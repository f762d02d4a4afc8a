declare module "fastify" {
	interface FastifyContextConfig {
		/** The route changes something. */
		writes?: boolean;
	}
}

export const text = { type: "string", minLength: 1, maxLength: 512 } as const;
export const time = { type: "string", format: "date-time" } as const;
export const integer = { type: "integer" } as const;
export const string = { type: "string" } as const;

export const nullable = <T extends string>(type: T) => ({ type: [type, "null"] }) as const;

/** Closed, and all of it always there, unless named as optional. */
export function object<P extends object>(properties: P, optional: readonly (keyof P)[] = []) {
	const required = Object.keys(properties).filter((key) => !optional.includes(key as keyof P));
	return { type: "object" as const, additionalProperties: false as const, required, properties };
}

export function list<I extends object>(items: I) {
	return { type: "array" as const, items };
}

/** Of a table of src/native/vocabulary.ts. */
export function names(table: readonly (string | null)[]): string[] {
	return table.filter((name) => name !== null);
}

/** Where an answer was read. */
export const source = {
	type: "string",
	enum: ["history", "memory", "both"],
	description:
		"`memory`: open connections and the last that ended; there is no history, or it cannot be read. `both`: history, and what is in " +
		"memory and not written to it now.",
} as const;

export const unwritten = {
	...object({ since: time, why: string }),
	type: ["object", "null"],
	description: "What happens is not written to history, since when and why; null: it is, or none is kept.",
} as const;
