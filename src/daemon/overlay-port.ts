import type { OverlayDocument, OverlayPort } from "../api/overlay-types.ts";
import { Refusal } from "../api/problem-details.ts";
import { UnknownPolicyError } from "../enforce/policy-errors.ts";
import { BuildTimeoutError } from "../enforce/policy-process.ts";
import { OverlayError } from "../overlays/check-overlay.ts";
import type { OverlayEntry } from "../overlays/overlay-record.ts";
import { NoOverlayError, OverlayExistsError, type Overlays, StaleOverlayError } from "../overlays/overlays.ts";
import { BusyError } from "../system/turns.ts";

/** Adapts the overlays to the API's interface. `bootTime`: CLOCK_BOOTTIME [ms] */
export function overlayPort(overlays: Overlays, bootTime: () => number): OverlayPort {
	const refusing = <T>(call: Promise<T>): Promise<T> =>
		call.catch((error: unknown) => {
			throw refusalOf(error);
		});
	const document = (entry: OverlayEntry) => documentOf(entry, bootTime());
	return {
		list: () => overlays.list().map(document),
		get(name) {
			const entry = overlays.get(name);
			if (entry === null) throw refusalOf(new NoOverlayError(`there is no overlay "${name}"`));
			return document(entry);
		},
		create: (request, by) => refusing(overlays.create(request, by).then(document)),
		change: (name, request, by, replaces) => refusing(overlays.change(name, request, by, replaces).then(document)),
		remove: (name, by, replaces) => refusing(overlays.remove(name, by, replaces)),
	};
}

export function documentOf({ record, problem, etag }: OverlayEntry, bootTime: number): OverlayDocument {
	const { end, rules, ...rest } = record;
	const endsIn = end === null ? null : Math.max(0, Math.round((end - bootTime) / 100) / 10);
	return { ...rest, endsIn, inForce: problem === null, problem, etag, rules };
}

function refusalOf(error: unknown): unknown {
	if (error instanceof OverlayError) {
		const count = error.problems.length;
		const [first] = error.problems;
		const detail =
			count === 1 && first !== undefined ? `${first.pointer}: ${first.detail}.` : `The overlay has ${count} errors.`;
		return new Refusal(422, "invalid-overlay", detail, { errors: error.problems });
	}
	if (error instanceof NoOverlayError) return new Refusal(404, "not-found", `${sentenceOf(error)}.`);
	if (error instanceof OverlayExistsError) {
		const errors = [{ pointer: "/name", detail: error.message }];
		return new Refusal(409, "overlay-exists", `${sentenceOf(error)}.`, { errors });
	}
	if (error instanceof StaleOverlayError)
		return new Refusal(412, "other-overlay", "If-Match does not name the overlay as it is.", { etag: error.etag });
	if (error instanceof UnknownPolicyError) {
		const mend = "Correct the policy file and reload it";
		return new Refusal(409, "unknown-policy", `Nothing can be put above it: ${error.message}. ${mend}.`);
	}
	if (error instanceof RangeError) {
		const errors = [{ pointer: "/rules", detail: error.message }];
		return new Refusal(422, "overlay-limit", `The overlays and the policy do not fit together: ${error.message}.`, {
			errors,
		});
	}
	if (error instanceof BuildTimeoutError || error instanceof BusyError)
		return new Refusal(503, "busy", "Too many changes wait; retry later.", {}, { "retry-after": "2" });
	return error;
}

function sentenceOf({ message }: Error): string {
	return `${message.charAt(0).toUpperCase()}${message.slice(1)}`;
}
