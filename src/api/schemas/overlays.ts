import { boolean, list, namedObject, nullable, ref, string, time } from "./base.ts";

const rulesDescription = "Rules as in a group of a policy; without `final` and without lists.";

/** A request: unknown members are errors. */
export const overlayRequestSchema = {
	$id: "OverlayRequest",
	description: "An overlay to create, or the new value of one.",
	type: "object",
	required: ["rules"],
	additionalProperties: false,
	properties: {
		name: {
			type: "string",
			maxLength: 512,
			description: "Letters, digits, `.`, `_` and `-`, at most 63. Default: an unused name.",
		},
		owner: { type: "string", minLength: 1, maxLength: 256, description: "Default: the client of the API." },
		reason: { type: "string", maxLength: 1_024, default: "" },
		scope: {
			type: ["string", "null"],
			minLength: 1,
			maxLength: 4_096,
			description:
				"A cgroup and those below it: an absolute path, or one below the watched cgroup. Default: everything.",
		},
		until: {
			type: ["string", "null"],
			minLength: 1,
			maxLength: 64,
			description: "The end, such as `2026-01-31T12:00:00Z`. Default: none.",
		},
		for: {
			type: ["string", "null"],
			minLength: 1,
			maxLength: 16,
			description: "Instead of `until`: `90s`, `10m`, `2h`.",
		},
		keep: { type: "boolean", default: false, description: "Stay in force over a reboot of the host." },
		rules: { type: "array", minItems: 1, maxItems: 1_024, items: { type: "object" }, description: rulesDescription },
	},
	examples: [
		{
			reason: "fetch a release",
			scope: "system.slice/agent.service",
			for: "10m",
			rules: [{ name: "release", action: "allow", to: { domain: "downloads.example.com", ports: 443 } }],
		},
	],
} as const;

export const overlaySchema = namedObject("Overlay", "Rules above the policy's own.", {
	name: string,
	owner: string,
	reason: string,
	scope: { ...nullable("string"), description: "Below the watched cgroup. Null: everything." },
	createdAt: time,
	changedAt: time,
	until: { type: ["string", "null"], format: "date-time", description: "By the wall clock when it was set." },
	endsIn: { ...nullable("number"), description: "Seconds until the end. Null: none." },
	keep: { ...boolean, description: "Stays in force over a reboot." },
	inForce: boolean,
	problem: { ...nullable("string"), description: "Why it is not in force." },
	etag: { ...string, description: "For `If-Match`." },
	rules: { ...list({ type: "object" }), description: rulesDescription },
});

export const overlayListSchema = namedObject(
	"OverlayList",
	"The overlays, the oldest first. A later one is tried first.",
	{
		overlays: list(ref(overlaySchema)),
	},
);
