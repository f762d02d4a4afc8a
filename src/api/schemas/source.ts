import { namedEnum, namedObject, string, time } from "./base.ts";

export const sourceSchema = namedEnum(
	"Source",
	"Where the records of a response were read. `memory`: open connections and the last ones that ended. " +
		"`both`: history, and the records in memory that are not written to it.",
	["history", "memory", "both"],
);

export const unwrittenSchema = namedObject(
	"Unwritten",
	"Records are not being written to history: since when and why. Null if they are, or if no history is kept.",
	{ since: time, why: string },
);
