import { closeSync, constants, openSync, readSync, statSync } from "node:fs";

/** `problem` continues a sentence that begins with the path. */
export interface NoProgram {
	readonly problem: string;
	readonly mend: string;
}

/** Why a path is no program that the kernel executes as such; null: it is one, or this user may not look. */
export function whyNoProgram(path: string): NoProgram | null {
	try {
		const found = statSync(path, { throwIfNoEntry: false });
		if (found === undefined) return { problem: "does not exist", mend: "install the program, or correct the path" };
		if (found.isDirectory()) return { problem: "is a directory", mend: "write the path of a program in it" };
		if (!found.isFile()) return { problem: "is no file", mend: "write the path of a program" };
		if ((found.mode & 0o111) === 0) return { problem: "is not executable", mend: "write the path of a program" };
		return scriptAt(path);
	} catch {
		return null;
	}
}

/* execve(2): the kernel executes the interpreter, and `exe` is the interpreter's path. */
function scriptAt(path: string): NoProgram | null {
	const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
	try {
		const head = Buffer.alloc(256);
		const line = head.toString("latin1", 0, readSync(fd, head, 0, head.length, 0)).split("\n")[0] ?? "";
		const interpreter = /^#![ \t]*(\S+)/.exec(line)?.[1];
		if (interpreter === undefined) return null;
		const problem = `is a script, which the kernel executes as ${interpreter}`;
		return { problem, mend: "write its interpreter, and combine it with user or unit" };
	} finally {
		closeSync(fd);
	}
}
