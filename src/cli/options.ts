import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";

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

/** A port, or two with a dash between. */
export function portRange(value: string): string {
	const [, low, high = low] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(value) ?? [];
	if (low === undefined || Number(low) > Number(high) || Number(high) > 65_535)
		throw new InvalidArgumentError("It is a port, or a range such as 8000-8999.");
	return value;
}

/** What `top` can group by. */
export const TOP_FIELDS = [
	...["name", "address", "port", "protocol", "process", "exe", "unit", "container", "user"],
	...["verdict", "phase", "rule", "group"],
];

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
