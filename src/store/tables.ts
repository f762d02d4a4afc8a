/**
 * The tables of the file. A row of a connection has numbers and keys of small tables ("dimensions"), which hold each name, workload,
 * process and set of decisions once; key 0: none. `id` is the microsecond in which the connection began, so rows are in the order of
 * time. There is no index by name or other keys: rows a few seconds old are sealed into segments (segments.ts), whose sorted entries
 * and sums are written at once at the end of their tables. docs/decisions/0005-history.md has the reasons.
 */
import type { DatabaseSync } from "node:sqlite";
import { redactArguments } from "../redact/arguments.ts";
import { createRollup, ROLLUPS } from "./rollup.ts";

/** Migration n leads from version n to n + 1. A released migration must not change. */
export const MIGRATIONS: readonly ((database: DatabaseSync) => void)[] = [
	(database) => database.exec(RECORDS),
	/* The writer seals the rows of version 1, one segment at a time. */
	(database) => {
		database.exec(SEGMENTS);
		for (const rollup of ROLLUPS) createRollup(database, rollup);
	},
	/* The last HTTP request, as JSON of HttpRequest (src/records/connection.ts). */
	(database) => {
		database.exec("ALTER TABLE connection ADD COLUMN request TEXT");
		database.exec("ALTER TABLE connection ADD COLUMN requests INTEGER NOT NULL DEFAULT 0");
	},
	/* How a DNS question ended: OUTCOME (src/native/layout.ts). */
	(database) => database.exec("ALTER TABLE connection ADD COLUMN outcome INTEGER NOT NULL DEFAULT 0"),
	/* Arguments were stored with their secrets. */
	(database) => {
		database.function("redacted", { deterministic: true }, (args) => redactArguments(String(args)));
		database.exec("UPDATE process SET args = redacted(args) WHERE args != redacted(args)");
	},
	/* Denials that the row stands for. */
	(database) => database.exec("ALTER TABLE connection ADD COLUMN times INTEGER NOT NULL DEFAULT 1"),
	/* Sources whose rows were removed to make room, and the clock by which rows expire. */
	(database) => database.exec(THROTTLED),
];

/** "SLPT", in the header of the file: distinguishes it from files of other programs. */
export const APPLICATION_ID = 0x534c5054;

/** [µs] Connections that lasted longer have a partial index, through which they are found by a time long after they began. */
export const LONG = 60_000_000;

/** Names of the values of column `name_source`. */
export const NAME_SOURCES = [null, "sni", "dns", "http"] as const;

const RECORDS = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('rows', 0), ('boot', '');

CREATE TABLE name (
	id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, reversed TEXT NOT NULL,
	first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
CREATE INDEX name_reversed ON name (reversed);

CREATE TABLE workload (
	id INTEGER PRIMARY KEY, comm TEXT NOT NULL, exe TEXT NOT NULL, uid INTEGER NOT NULL, user TEXT NOT NULL,
	unit TEXT NOT NULL, container TEXT NOT NULL, cgroup TEXT NOT NULL, parent_comm TEXT NOT NULL, last INTEGER NOT NULL,
	UNIQUE (comm, exe, uid, user, unit, container, cgroup, parent_comm)) STRICT;

CREATE TABLE process (
	id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, start INTEGER NOT NULL, ppid INTEGER NOT NULL, workload INTEGER NOT NULL,
	args TEXT NOT NULL, last INTEGER NOT NULL) STRICT;
CREATE INDEX process_pid ON process (pid, start);

CREATE TABLE steps (
	id INTEGER PRIMARY KEY, detail TEXT NOT NULL UNIQUE, verdict INTEGER NOT NULL, phase INTEGER NOT NULL,
	reason INTEGER NOT NULL, rule_group TEXT NOT NULL, rule TEXT NOT NULL, last INTEGER NOT NULL) STRICT;

CREATE TABLE connection (
	id INTEGER PRIMARY KEY, cookie INTEGER NOT NULL, kind INTEGER NOT NULL, open INTEGER NOT NULL, last INTEGER NOT NULL,
	name INTEGER NOT NULL, name_source INTEGER NOT NULL, workload INTEGER NOT NULL, process INTEGER NOT NULL,
	steps INTEGER NOT NULL, verdict INTEGER NOT NULL, protocol INTEGER NOT NULL, remote BLOB NOT NULL, port INTEGER NOT NULL,
	local BLOB NOT NULL, local_port INTEGER NOT NULL, bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL,
	packets_out INTEGER NOT NULL, packets_in INTEGER NOT NULL, rtt INTEGER NOT NULL, retransmits INTEGER NOT NULL,
	end_how INTEGER NOT NULL, ech INTEGER NOT NULL, query_type INTEGER NOT NULL, addresses BLOB) STRICT;
CREATE INDEX connection_open ON connection (id) WHERE open > 0;
CREATE INDEX connection_long ON connection (last) WHERE last - id >= ${LONG};

CREATE TABLE answer (
	name INTEGER NOT NULL, address BLOB NOT NULL, ttl INTEGER NOT NULL, trusted INTEGER NOT NULL,
	first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (name, address)) STRICT, WITHOUT ROWID;

CREATE TABLE policy_change (time INTEGER PRIMARY KEY, detail TEXT NOT NULL) STRICT;
CREATE TABLE daemon_start (time INTEGER PRIMARY KEY, detail TEXT NOT NULL) STRICT;
`;

const THROTTLED = `
CREATE TABLE throttled (source TEXT PRIMARY KEY, rows INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL)
	STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('expiry', 0);
`;

const SEGMENTS = `
INSERT INTO meta VALUES ('sealed', 0);
CREATE TABLE segment (
	id INTEGER PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL, rows INTEGER NOT NULL, span INTEGER NOT NULL) STRICT;
CREATE TABLE span (
	level INTEGER NOT NULL, id INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, span INTEGER NOT NULL,
	PRIMARY KEY (level, id)) STRICT, WITHOUT ROWID;
CREATE TABLE by_name (
	segment INTEGER NOT NULL, name INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (segment, name, id)) STRICT, WITHOUT ROWID;
CREATE TABLE by_workload (
	segment INTEGER NOT NULL, workload INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (segment, workload, id))
	STRICT, WITHOUT ROWID;
CREATE TABLE by_steps (
	segment INTEGER NOT NULL, steps INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (segment, steps, id)) STRICT, WITHOUT ROWID;
CREATE TABLE by_remote (
	segment INTEGER NOT NULL, remote BLOB NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (segment, remote, id)) STRICT, WITHOUT ROWID;
`;
