/** Checks a request for an overlay, and the rules of a saved one. */
import { printable } from "../base/text.ts";
import { durationOf, parseTime } from "../base/times.ts";
import type { Overlay } from "../policy/layers.ts";
import type { Environment, Rule } from "../policy/model.ts";
import type { OverlayRequest } from "../policy/read/overlay-request.ts";
import { parsePolicy } from "../policy/read/parse.ts";
import { hashOf, type OverlayRecord } from "./overlay-record.ts";

/** An invalid part of a request. */
export interface OverlayProblem {
	/** JSON pointer (RFC 6901) into the request. */
	readonly pointer: string;
	/** A sentence without a full stop. */
	readonly detail: string;
}

export class OverlayError extends Error {
	readonly problems: readonly OverlayProblem[];

	constructor(problems: readonly OverlayProblem[]) {
		super(problems.map(({ pointer, detail }) => `${pointer || "the overlay"}: ${detail}`).join("; "));
		this.name = "OverlayError";
		this.problems = problems;
	}
}

/** Access to the host. */
export interface OverlayHost {
	readonly environment: Environment;
	/** The path of a cgroup below the watched one; "" is the watched one itself. Throws Error if it is none. */
	readonly scopeOf: (path: string) => string;
	/** Wall clock [ms]. */
	readonly now: () => number;
	/** CLOCK_BOOTTIME [ms]. */
	readonly bootTime: () => number;
}

export interface CheckedOverlay {
	readonly record: OverlayRecord;
	readonly overlay: Overlay;
}

/** Throws OverlayError with all problems. `name`: the name if the request has none. */
export function checkOverlay(
	request: OverlayRequest,
	{ name, owner, before }: { readonly name: string; readonly owner: string; readonly before: OverlayRecord | null },
	host: OverlayHost,
): CheckedOverlay {
	const problems: OverlayProblem[] = [];
	const now = host.now();
	const until = untilOf(request, now, problems);
	const scope = scopeOf(request.scope ?? null, host, problems);
	const own = request.name ?? name;
	if (!NAME.test(own)) {
		const detail = `"${printable(own.slice(0, 80))}" is not a name: up to 63 letters, digits, ".", "_" and "-", of which the first is a letter or a digit`;
		problems.push({ pointer: "/name", detail });
	}
	const rules = rulesOf(request.rules, host.environment, problems);
	if (problems.length > 0) throw new OverlayError(problems);
	const end = until === null ? null : host.bootTime() + (until - now);
	const record: OverlayRecord = {
		...{ name: own, owner: request.owner ?? before?.owner ?? owner, reason: request.reason ?? "", scope },
		createdAt: before?.createdAt ?? new Date(now).toISOString(),
		changedAt: new Date(now).toISOString(),
		until: until === null ? null : new Date(until).toISOString(),
		...{ end, keep: request.keep ?? false, rules: request.rules },
	};
	return { record, overlay: overlayOf(record, rules) };
}

/** The overlay of a record that was saved. Throws OverlayError if its rules are not valid on this host any more. */
export function overlayOfRecord(record: OverlayRecord, environment: Environment): Overlay {
	const problems: OverlayProblem[] = [];
	const rules = rulesOf(record.rules, environment, problems);
	if (problems.length > 0) throw new OverlayError(problems);
	return overlayOf(record, rules);
}

function overlayOf({ name, scope, end, rules: written }: OverlayRecord, rules: readonly Rule[]): Overlay {
	/* Users and programs are part of it, because a name may stand for another uid or file later. */
	const content = hashOf(JSON.stringify([sorted(written), rules.map(({ from }) => from)]));
	return { name, scope, end, rules, content };
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** [ms] */
const LONGEST = 10 * 366 * 86_400_000;

function untilOf(request: OverlayRequest, now: number, problems: OverlayProblem[]): number | null {
	const { until = null, for: duration = null } = request;
	if (until !== null && duration !== null)
		problems.push({ pointer: "/for", detail: '"until" and "for" exclude each other' });
	const [pointer, end] =
		duration === null
			? ["/until", until === null ? null : parseTime(until, now)]
			: ["/for", plus(now, durationOf(duration))];
	if (until === null && duration === null) return null;
	const shown = printable((duration ?? until ?? "").slice(0, 80));
	if (end === null) {
		const forms = duration === null ? "a time such as 2026-01-31T12:00:00Z" : "a duration such as 10m, 2h or 1d";
		problems.push({ pointer, detail: `"${shown}" is not ${forms}` });
	} else if (end <= now) {
		const detail = `${shown} is in the past: it is ${new Date(now).toISOString()} now`;
		problems.push({ pointer, detail: duration === null ? detail : `"${shown}" is no time at all` });
	} else if (end - now > LONGEST)
		problems.push({ pointer, detail: `${shown} is more than ten years from now; leave it out` });
	return end;
}

function plus(now: number, duration: number | null): number | null {
	return duration === null ? null : now + duration;
}

function scopeOf(written: string | null, host: OverlayHost, problems: OverlayProblem[]): string | null {
	if (written === null) return null;
	try {
		return host.scopeOf(written) || null;
	} catch (error) {
		problems.push({ pointer: "/scope", detail: printable(error instanceof Error ? error.message : String(error)) });
		return null;
	}
}

function rulesOf(rules: readonly unknown[], environment: Environment, problems: OverlayProblem[]): readonly Rule[] {
	if (rules.length === 0) {
		problems.push({ pointer: "/rules", detail: "there are no rules; an overlay has at least one" });
		return [];
	}
	const text = JSON.stringify({ version: 1, groups: [{ name: GROUP, rules }] });
	const parsed = parsePolicy(text, "overlay", environment);
	if (!parsed.ok) {
		for (const { path, message } of parsed.problems)
			problems.push({ pointer: pointerOf(path), detail: printable(message.replace(` in group "${GROUP}"`, "")) });
		return [];
	}
	for (const [index, rule] of rules.entries()) {
		if ((rule as { readonly final?: unknown }).final !== true) continue;
		const detail = "only a rule of the policy file can be final: put an overlay that denies above others instead";
		problems.push({ pointer: `/rules/${index}/final`, detail });
	}
	return parsed.policy.rules;
}

const GROUP = "overlay";

/** groups[0].rules[2].to.cidr[1] as /rules/2/to/cidr/1. */
function pointerOf(path: string): string {
	const own = path.replace(/^groups\[0\]\.?/, "");
	return own === "" ? "/rules" : `/${own.replaceAll(/\[(\d+)\]/g, "/$1").replaceAll(".", "/")}`;
}

/** The value with the keys of each object in order. */
function sorted(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(sorted);
	if (typeof value !== "object" || value === null) return value;
	const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
	return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
