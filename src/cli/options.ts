import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";

/** For commander: what a person typed, to what the daemon takes. */
export function absolutePath(value: string): string {
	if (value === "") throw new InvalidArgumentError("It is empty.");
	return resolve(value);
}

export function oneOf<T extends string>(...allowed: readonly T[]): (value: string) => T {
	return (value) => {
		const found = allowed.find((each) => each === value);
		if (found === undefined) throw new InvalidArgumentError(`It is one of ${allowed.join(", ")}.`);
		return found;
	};
}

export function positiveInteger(value: string): number {
	if (!/^\d{1,9}$/.test(value) || Number(value) === 0) throw new InvalidArgumentError("It is a whole number above 0.");
	return Number(value);
}
