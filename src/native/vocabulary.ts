/**
 * Names of the kernel's numbers, as records, filters and metrics show them: the enumerator's name in snake case. The
 * names are part of the API, so test/unit/native/vocabulary.test.ts fails when an enumerator is renamed in C.
 */
import {
	ANSWER_COUNT,
	END,
	EVENT,
	HTTP_REASON,
	MAP_ID,
	OUTCOME,
	PHASE,
	READER_KIND,
	REASON,
	VERDICT,
} from "./layout.ts";

type Snake<S extends string> = S extends `${infer Head}${infer Tail}`
	? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${Snake<Tail>}`
	: "";
type Enum = Readonly<Record<string, number>>;
type NameOf<E> = Snake<keyof E & string>;
/** The name is defined for every number of the enum, and may be undefined for other numbers. */
type Names<E extends Enum> = { readonly [K in keyof E & string as E[K]]: Snake<K> };

export type PhaseName = NameOf<typeof PHASE>;
export type VerdictName = NameOf<typeof VERDICT>;
export type ReasonName = NameOf<typeof REASON>;
export type EndName = NameOf<typeof END>;
export type OutcomeName = NameOf<typeof OUTCOME>;

/** Each list has the name of number i at index i. Only the lists without a 0 in their enum have a null, at index 0. */
export const eventNames = namesFrom1(EVENT);
export const phaseNames = namesFrom0(PHASE);
export const verdictNames = namesFrom1(VERDICT);
export const endNames = namesFrom1(END);
export const outcomeNames = namesFrom1(OUTCOME);
export const reasonNames = namesFrom1(REASON);
export const mapNames = namesFrom0(MAP_ID);
export const answerNames = namesFrom0(ANSWER_COUNT);
export const readerNames = namesFrom0(READER_KIND);
export const httpReasonNames = namesFrom0(HTTP_REASON);

function namesFrom0<E extends Enum>(values: E): readonly NameOf<E>[] & Names<E> {
	return namesFrom(0, values) as readonly NameOf<E>[] & Names<E>;
}

function namesFrom1<E extends Enum>(values: E): readonly (NameOf<E> | null)[] & Names<E> {
	return [null, ...namesFrom(1, values)] as readonly (NameOf<E> | null)[] & Names<E>;
}

/** Throws Error if the values are not consecutive: the lists are indexed by them. */
function namesFrom<E extends Enum>(first: number, values: E): NameOf<E>[] {
	const keys = Object.keys(values);
	for (const [index, key] of keys.entries()) {
		if (values[key] !== first + index) throw new Error(`the values of an enum have a gap before ${key}`);
	}
	return keys.map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) as NameOf<E>);
}
