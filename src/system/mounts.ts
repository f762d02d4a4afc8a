/** A line of /proc/PID/mountinfo: proc_pid_mountinfo(5). */
export interface Mount {
	/** (major << 20) | minor, as in struct sp_process. */
	readonly device: number;
	/** Folder inside the file system that is mounted. */
	readonly root: string;
	/** Mount point. */
	readonly point: string;
	readonly type: string;
}

/** Skips lines that are not of the expected form. */
export function parseMountinfo(text: string): Mount[] {
	const mounts: Mount[] = [];
	for (const line of text.split("\n")) {
		const [left = "", right] = line.split(" - ");
		if (right === undefined) continue;
		const fields = left.split(" ");
		const [major, minor] = (fields[2] ?? "").split(":").map(Number);
		if (major === undefined || minor === undefined || fields[3] === undefined || fields[4] === undefined) continue;
		mounts.push({
			device: major * 0x100000 + minor,
			root: unescapeOctal(fields[3]),
			point: unescapeOctal(fields[4]),
			type: right.split(" ")[0] ?? "",
		});
	}
	return mounts;
}

/** The first cgroup v2 mount: /sys/fs/cgroup, or another folder in a hybrid layout. */
export function cgroup2Mount(mountinfo: string): Mount | null {
	return parseMountinfo(mountinfo).find((mount) => mount.type === "cgroup2") ?? null;
}

/**
 * The path of a file in this mount namespace. Of several mounts, the one that shows most of the file system is used,
 * then the shortest. If the device is not mounted in this namespace, `path` is returned.
 *
 * @param path absolute, inside the file system `device`
 */
export function visiblePath(mounts: readonly Mount[], device: number, path: string): string {
	let best: Mount | null = null;
	for (const mount of mounts) {
		if (mount.device !== device || !isBelow(path, mount.root)) continue;
		if (
			best === null ||
			mount.root.length < best.root.length ||
			(mount.root.length === best.root.length && mount.point.length < best.point.length)
		)
			best = mount;
	}
	return best === null ? path : join(best.point, inside(path, best.root));
}

/** The reverse: the mount that has an absolute path (without symbolic links), and the path inside its file system. */
export function mountOf(
	mounts: readonly Mount[],
	path: string,
): { readonly mount: Mount; readonly path: string } | null {
	let best: Mount | null = null;
	for (const mount of mounts) {
		if (isBelow(path, mount.point) && (best === null || mount.point.length >= best.point.length)) best = mount;
	}
	return best === null ? null : { mount: best, path: join(best.root, inside(path, best.point)) };
}

function isBelow(path: string, folder: string): boolean {
	return folder === "/" || path === folder || path.startsWith(`${folder}/`);
}

function inside(path: string, folder: string): string {
	return folder === "/" ? path : path.slice(folder.length);
}

function join(folder: string, rest: string): string {
	const joined = folder === "/" ? rest : folder + rest;
	return joined === "" ? "/" : joined;
}

/* Space, tab, newline and backslash are written as \ooo. */
function unescapeOctal(field: string): string {
	return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
