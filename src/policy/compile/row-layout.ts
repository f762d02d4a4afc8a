/** Numbers of bpf/policy.h and bpf/event.h; layout.test.ts holds them against the headers. All integers are little endian. */

export const ROW = 128;
export const MAGIC = 0x50594c53;
export const LAYOUT_VERSION = 4;

export const FLAG_NAMES = 1;
export const FLAG_EXE = 2;
export const FLAG_USER = 4;
export const FLAG_CGROUP = 8;
export const FLAG_METHOD = 16;
export const FLAG_PATH = 32;
export const FLAG_QUERY = 64;
export const FLAG_STATUS = 128;

export const MODE = { observe: 1, enforce: 2 } as const;
export const BINDING = { strict: 1, sni: 2 } as const;
export const VERDICT = { allow: 1, deny: 2 } as const;

/** Offsets in struct sp_policy_head. */
export const HEAD = {
	magic: 0,
	layout: 4,
	generation: 8,
	flags: 12,
	mode: 16,
	binding: 17,
	defaults: 18,
	denyErrno: 22,
	rules: 24,
	words: 26,
	shapes: 28,
	hashKey: 32,
	ttlFloor: 48,
	ttlGrace: 52,
	shapesRow: 56,
	slotsRow: 60,
	vectorsRow: 64,
	tableRow: 68,
	tableMask: 72,
	rows: 76,
	pathsRow: 80,
	patternsRow: 84,
	statusRow: 88,
	pathWords: 92,
	pathPatterns: 94,
	alwaysRow: 96,
} as const;

/** Words (of 32 bits) of struct sp_policy_trees, in row 1. */
export const TREE = { levels: 9, depthWord: 27 } as const;
export const TREES_ROW = 1;
export const FIRST_FREE_ROW = 2;

export const VECTOR = {
	none: 0,
	phase: 1,
	alert: 5,
	allow: 6,
	named: 7,
	unnamed: 8,
	anyExe: 9,
	anyUser: 10,
	anyUnit: 11,
	anyContainer: 12,
	anyCgroup: 13,
	anyMethod: 14,
	anyPath: 15,
	anyStatus: 16,
	fixed: 17,
} as const;

/** Rows of the automaton of paths. */
export const PATH = { begin: 0, many: 1, one: 2, characters: 3, rows: 259 } as const;
export const STATUS_MAX = 1024;

export const SLOTS_PER_BUCKET = 8;
/** Buckets that a key may stand in, from its own on. */
export const PROBE = 4;
