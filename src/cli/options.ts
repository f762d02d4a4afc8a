import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import { LIST_WORD_NAMES } from "../records/filter-words.ts";

/** Of commands that look at what is in the kernel, and at what is kept for it, without a daemon. */
export interface HostOptions {
	readonly policy: string;
	readonly cgroup?: string;
	readonly pins: string;
	readonly runtimeDir: string;
	readonly stateDir: string;
	readonly json?: boolean;
}

/** For commander: what a person typed, to what the daemon takes. */
export function absolutePath(value: string): string {
	if (value === "") throw new InvalidArgumentError("It is empty.");
	return resolve(value);
}

export function positiveInteger(value: string): number {
	if (!/^\d{1,9}$/.test(value) || Number(value) === 0) throw new InvalidArgumentError("It is a whole number above 0.");
	return Number(value);
}

export function wholeNumber(most: number): (value: string) => number {
	return (value) => {
		if (!/^\d{1,9}$/.test(value) || Number(value) > most)
			throw new InvalidArgumentError(`It is a whole number from 0 to ${most}.`);
		return Number(value);
	};
}

/** What `top` can group by. */
export const TOP_FIELDS: readonly string[] = LIST_WORD_NAMES;

/** One or two different ones, with a comma between. */
export function groupFields(value: string): readonly string[] {
	const fields = value.split(",");
	if (fields.length > 2 || new Set(fields).size !== fields.length || !fields.every((each) => TOP_FIELDS.includes(each)))
		throw new InvalidArgumentError(`It is one or two of ${TOP_FIELDS.join(", ")}.`);
	return fields;
}

export function recordId(value: string): number {
	if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(Number(value)))
		throw new InvalidArgumentError("It is the number that `sallyport connections` shows first.");
	return Number(value);
}
