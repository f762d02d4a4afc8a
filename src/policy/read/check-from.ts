/** Checks the conditions under `from`: exe, user, unit, container, cgroup. */
import { posix } from "node:path";
import { IDS_PATHS_MAX, TEXT_MAX } from "../../native/layout.ts";
import { CONTAINER_DIGITS } from "../cgroup-path.ts";
import type { Environment, ExeFile, Rule } from "../model.ts";
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";
import { type Item, itemsOf, recordOf } from "./values.ts";

/** Path components of an executable that the kernel reads: see SP_PATH_CUT in bpf/wire/event.h. */
const EXE_DEPTH_MAX = 31;
/** Length up to which the kernel is certain to read the path of an executable or a cgroup [bytes]. */
const PATH_BYTES_MAX = TEXT_MAX / 2;
const UID_MAX = 0xfffffffe;
const CGROUP_MOUNT = "/sys/fs/cgroup/";

/** The conditions under `from`. Problems are reported, and the invalid values skipped. */
export function checkFrom(value: unknown, path: Path, environment: Environment, report: Report): Rule["from"] {
	const from = recordOf(value);
	const each = <T>(key: string, check: (item: Item) => readonly T[]): T[] | null =>
		itemsOf(from[key], [...path, key])?.flatMap(check) ?? null;
	return {
		exe: each("exe", (item) => checkExe(item, environment, report)),
		user: each("user", (item) => checkUser(item, environment, report)),
		unit: each("unit", (item) => checkUnit(item, report)),
		container: each("container", (item) => checkContainer(item, report)),
		cgroup: each("cgroup", (item) => checkCgroup(item, report)),
	};
}

function checkExe({ value, path }: Item, environment: Environment, report: Report): ExeFile[] {
	const written = String(value);
	const expected = "the absolute path of a program";
	if (!written.startsWith("/")) {
		report.at(path, `"${written}" is not an absolute path`, expected);
		return [];
	}
	const normal = posix.normalize(written);
	if (normal !== written || written.endsWith("/")) {
		const suggestion = normal.replace(/(.)\/$/, "$1");
		report.at(path, `"${written}" is not a normalised path; write "${suggestion}"`, expected, suggestion);
		return [];
	}
	const files = environment.exeOf(written);
	if (files.length === 0) report.at(path, `"${written}" is in no file system of this host`, expected);
	const deep = files.find(
		(file) => file.path.split("/").length - 1 > EXE_DEPTH_MAX || Buffer.byteLength(file.path) > PATH_BYTES_MAX,
	);
	if (deep) {
		const limit = `at most ${EXE_DEPTH_MAX} components and ${PATH_BYTES_MAX} bytes`;
		report.at(path, `"${deep.path}" is too long for the kernel; ${limit}`, limit);
	}
	return files.map((file) => ({ dev: file.dev, path: file.path, written }));
}

function checkUser({ value, path }: Item, environment: Environment, report: Report): number[] {
	const isNumber = typeof value === "number" || /^[0-9]+$/.test(value);
	const uid = isNumber ? Number(value) : environment.uidOf(value);
	if (uid !== null && uid <= UID_MAX) return [uid];
	report.at(path, isNumber ? `${value} is not a uid` : `there is no user "${value}"`, "the name of a user, or a uid");
	return [];
}

function checkUnit({ value, path }: Item, report: Report): string[] {
	const name = String(value);
	if (isComponent(name)) return [name];
	report.at(path, `"${name}" is not the name of a unit`, "a name such as agent.service");
	return [];
}

function checkContainer({ value, path }: Item, report: Report): string[] {
	const name = String(value);
	if (/^[0-9a-f]{12,64}$/i.test(name)) return [name.toLowerCase().slice(0, CONTAINER_DIGITS)];
	if (isComponent(name)) return [...new Set([name, escapeUnitName(name)])];
	report.at(path, `"${name}" is not a container`, '12 to 64 hex digits of an id, the name of a machine, or "*"');
	return [];
}

function checkCgroup({ value, path }: Item, report: Report): string[] {
	const written = String(value);
	const expected = 'a path below the watched cgroup, such as "system.slice"';
	if (written.startsWith(CGROUP_MOUNT)) {
		const suggestion = written.slice(CGROUP_MOUNT.length);
		const message = `"${written}" is an absolute path; write it relative to the watched cgroup: "${suggestion}"`;
		report.at(path, message, expected, suggestion);
		return [];
	}
	const components = written.replace(/^\/+|\/+$/g, "").split("/");
	if (!components.every(isComponent)) report.at(path, `"${written}" is not the path of a cgroup`, expected);
	else if (components.length > IDS_PATHS_MAX || Buffer.byteLength(written) > PATH_BYTES_MAX) {
		const limit = `at most ${IDS_PATHS_MAX} components and ${PATH_BYTES_MAX} bytes`;
		report.at(path, `"${written}" is too long for the kernel; ${limit}`, limit);
	} else return [components.join("/")];
	return [];
}

function isComponent(name: string): boolean {
	return name !== "" && name !== "." && name !== ".." && !name.includes("/") && Buffer.byteLength(name) <= 255;
}

/** The name of a machine as systemd escapes it in "machine-NAME.scope": systemd.unit(5), "String escaping". */
function escapeUnitName(name: string): string {
	if (name === "*") return name;
	const bytes = [...Buffer.from(name)];
	return bytes
		.map((byte, i) => {
			const character = String.fromCharCode(byte);
			const plain = /[A-Za-z0-9:_.]/.test(character) && !(i === 0 && character === ".");
			return plain ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
		})
		.join("");
}
