/** The structural check: Ajv with policy.schema.json, and its errors as sentences. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import schema from "../policy.schema.json" with { type: "json" };
import { didYouMean, nearest } from "./problem.ts";
import type { Path } from "./source.ts";

export interface StructureProblem {
	readonly path: Path;
	readonly part: "key" | "value";
	readonly message: string;
	readonly expected: string;
	readonly suggestion?: string;
}

/** The problems of a value that is not structured as a policy. */
export function checkStructure(value: unknown): StructureProblem[] {
	// Compiled at the first use, because that takes longer than checking a small policy.
	validator ??= new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true }).compile(schema);
	const validate = validator;
	if (validate(value)) return [];
	return (validate.errors ?? []).filter((error) => !isRepetition(error)).map((error) => describe(error, value));
}

let validator: ValidateFunction | undefined;

/** Keywords whose errors only repeat errors of their subschemas. */
const SILENT = new Set(["propertyNames", "if"]);

function isRepetition({ keyword, schemaPath }: ErrorObject): boolean {
	return SILENT.has(keyword) || schemaPath.includes("/oneOf/");
}

function describe(error: ErrorObject, root: unknown): StructureProblem {
	const path = readPointer(error.instancePath, root);
	const parent = error.parentSchema as {
		title?: string;
		properties?: object;
		enum?: unknown[];
		type?: string | string[];
	};
	const title = parent.title ?? "something else";
	if (error.propertyName !== undefined) {
		const message = `"${error.propertyName}" is not a valid name of a list`;
		return { path: [...path, error.propertyName], part: "key", message, expected: title };
	}
	if (error.keyword === "additionalProperties") {
		const key = String(error.params["additionalProperty"]);
		const keys = Object.keys(parent.properties ?? {});
		const suggestion = nearest(key, keys);
		const message = `unknown key "${key}" in ${subjectOf(path)}${didYouMean(suggestion)}`;
		return problem([...path, key], "key", message, `one of ${keys.join(", ")}`, suggestion);
	}
	if (error.keyword === "required") {
		const key = String(error.params["missingProperty"]);
		return problem(path, "value", `missing key "${key}" in ${subjectOf(path)}`, `"${key}"`);
	}
	if (error.keyword === "enum") {
		const suggestion = typeof error.data === "string" ? nearest(error.data, parent.enum as string[]) : undefined;
		const message = `${shown(error.data)} is not a value of ${subjectOf(path)}${didYouMean(suggestion)}`;
		return problem(path, "value", `${message}; expected ${title}`, title, suggestion);
	}
	if (error.keyword === "type" && isPlain(error.data) && [parent.type].flat().includes("string")) {
		const message = `${subjectOf(path)} must be ${title}, not the ${kindOf(error.data)} ${String(error.data)}; put it in quotes`;
		return problem(path, "value", message, title, `"${String(error.data)}"`);
	}
	if (error.keyword === "oneOf") return problem(path, "key", `${subjectOf(path)} must have ${title}`, title);
	if (error.keyword === "minProperties" || error.keyword === "minItems") {
		return problem(path, "value", `${subjectOf(path)} is empty; expected ${title}`, title);
	}
	if (error.keyword === "maxItems") {
		const limit = `at most ${error.params["limit"]} entries`;
		const entries = (error.data as unknown[]).length;
		return problem(path, "key", `${subjectOf(path)} has ${entries} entries; a policy may have ${limit}`, limit);
	}
	return problem(path, "value", `${subjectOf(path)} must be ${title}, not ${shown(error.data)}`, title);
}

function problem(
	path: Path,
	part: "key" | "value",
	message: string,
	expected: string,
	suggestion?: string,
): StructureProblem {
	return { path, part, message, expected, ...(suggestion === undefined ? {} : { suggestion }) };
}

/** The subject of a message: `"to"`, or the kind of a list item. */
function subjectOf(path: Path): string {
	const last = path.at(-1);
	if (last === undefined) return "the policy";
	if (typeof last === "string") return `"${last}"`;
	const list = path.at(-2);
	return list === "rules" ? "a rule" : list === "groups" ? "a group" : `"${list}"`;
}

function shown(value: unknown): string {
	if (typeof value === "string") return value.length > 60 ? `"${value.slice(0, 60)}..."` : `"${value}"`;
	return isPlain(value) ? String(value) : kindOf(value);
}

function isPlain(value: unknown): boolean {
	return typeof value === "number" || typeof value === "boolean";
}

function kindOf(value: unknown): string {
	if (value === null || value === undefined) return "nothing";
	return Array.isArray(value) ? "a list" : typeof value === "object" ? "a mapping" : typeof value;
}

/** A JSON pointer (RFC 6901) as a path, with numbers where the value has lists. */
function readPointer(pointer: string, root: unknown): Path {
	const path: (string | number)[] = [];
	let value = root;
	for (const part of pointer.split("/").slice(1)) {
		const step = part.replaceAll("~1", "/").replaceAll("~0", "~");
		path.push(Array.isArray(value) ? Number(step) : step);
		value = (value as Record<string, unknown>)[step];
	}
	return path;
}
