import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { ROOT } from "../command.mjs";
import { bundle, writeNotices } from "./bundle.ts";
import { debianChangelog, type Metadata, type Release, readChangelog } from "./metadata.ts";
import type { Target } from "./target.ts";

/** Files that an administrator may change and an upgrade keeps. */
export const CONFIGURATION = ["/etc/sallyport/policy.yaml", "/etc/sallyport/service.conf"];

const UNITS = [
	"sallyport.service",
	"sallyport-early.service",
	"sallyport-early-unconfined.service",
	"sallyport-prepare.service",
	"sallyport-resolved.socket",
	"sallyport-resolved.service",
];
const LIB = "/usr/lib/sallyport";
const DOCS = "/usr/share/doc/sallyport";

export function releases({ version }: Metadata): Release[] {
	return readChangelog(readFileSync(`${ROOT}/CHANGELOG.md`, "utf8"), version);
}

/** Writes the file system of a package below `root`. `epoch` (seconds): the date of the changelog. */
export async function stage(root: string, target: Target, metadata: Metadata, epoch: number): Promise<void> {
	const { node, addon, strip, libraries } = target;
	const put = (from: string, to: string, mode = 0o644) => copy(`${ROOT}/${from}`, `${root}${to}`, mode);
	const compress = (text: string | Buffer, to: string) => {
		mkdirSync(dirname(`${root}${to}`), { recursive: true });
		writeFileSync(`${root}${to}`, gzipSync(text, { level: 9 }));
	};
	mkdirSync(`${root}${LIB}`, { recursive: true });
	const packages = await bundle(`${root}${LIB}`);
	copy(`${node}/bin/node`, `${root}${LIB}/node`, 0o755);
	execFileSync(strip, [`${root}${LIB}/node`]);
	copy(addon, `${root}${LIB}/sallyport.node`);
	execFileSync(strip, ["--strip-unneeded", `${root}${LIB}/sallyport.node`]);
	for (const library of libraries) copy(library.path, `${root}${LIB}/${library.name}`);
	put("package.json", `${LIB}/package.json`);
	put("systemd/prepare", `${LIB}/prepare`, 0o755);
	put("systemd/sallyport.sh", "/usr/bin/sallyport", 0o755);
	for (const unit of UNITS) put(`systemd/${unit}`, `/lib/systemd/system/${unit}`);
	put("systemd/sallyport.sysusers.conf", "/usr/lib/sysusers.d/sallyport.conf");
	put("systemd/sallyport.tmpfiles.conf", "/usr/lib/tmpfiles.d/sallyport.conf");
	put("systemd/sallyport.modules.conf", "/usr/lib/modules-load.d/sallyport.conf");
	put("systemd/policy.yaml", "/etc/sallyport/policy.yaml");
	put("systemd/service.conf", "/etc/sallyport/service.conf");
	put("completion/sallyport.bash", "/usr/share/bash-completion/completions/sallyport");
	put("completion/_sallyport", "/usr/share/zsh/vendor-completions/_sallyport");
	/* Not below /usr/share/doc: minimal images leave that out, and editors refer to this path. */
	put("src/policy/policy.schema.json", "/usr/share/sallyport/policy.schema.json");
	compress(readFileSync(`${ROOT}/man/sallyport.1`), "/usr/share/man/man1/sallyport.1.gz");
	for (const page of readdirSync(`${ROOT}/docs`))
		cpSync(`${ROOT}/docs/${page}`, `${root}${DOCS}/${page}`, { recursive: true });
	compress(debianChangelog(releases(metadata), metadata.maintainer, epoch), `${DOCS}/changelog.gz`);
	writeNotices(packages, node, `${root}${DOCS}/copyright`);
}

function copy(from: string, to: string, mode = 0o644): void {
	mkdirSync(dirname(to), { recursive: true });
	copyFileSync(from, to);
	chmodSync(to, mode);
}
