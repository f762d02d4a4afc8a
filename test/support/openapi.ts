/** The API's OpenAPI document, and the validation of responses against it. */
import { Ajv2020 } from "ajv/dist/2020.js";

export interface Schema {
	readonly $ref?: string;
	readonly description?: string;
	readonly examples?: readonly object[];
	readonly additionalProperties?: boolean | object;
	readonly properties?: Record<string, Schema>;
}

export interface Operation {
	readonly operationId: string;
	readonly summary: string;
	readonly tags: readonly string[];
	readonly security: readonly object[];
	readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: Schema }> }>;
}

export interface Spec {
	readonly openapi: string;
	readonly servers: readonly { readonly url: string }[];
	readonly tags: readonly { readonly name: string }[];
	readonly paths: Record<string, Record<string, Operation>>;
	readonly components: { readonly schemas: Record<string, Schema> };
}

/**
 * The differences between a JSON response and its schema. The document allows members that it does not list; here they are
 * differences, because the daemon and its document are of one version.
 *
 * @param route for example "GET /v1/status"
 * @param response the status code, or "default"
 */
export function mismatches(spec: Spec, route: string, response: string, value: unknown): readonly object[] {
	const [method = "", path = ""] = route.split(" ");
	const content = spec.paths[path]?.[method.toLowerCase()]?.responses[response]?.content ?? {};
	const schema = (content["application/json"] ?? content["application/problem+json"])?.schema;
	if (schema === undefined) throw new Error(`The document has no response ${response} of ${route}`);
	const components = structuredClone(spec.components);
	for (const each of Object.values(components.schemas)) {
		if (each.properties !== undefined) Object.assign(each, { additionalProperties: false });
	}
	const formats = { "date-time": /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ };
	const validate = new Ajv2020({ strict: false, allErrors: true, formats }).compile({ ...schema, components });
	validate(value);
	return validate.errors ?? [];
}
