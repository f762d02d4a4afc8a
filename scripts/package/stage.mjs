import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { ROOT } from "../command.mjs";
import { bundle, writeNotices } from "./bundle.mjs";

/** Configuration that a person may change, and that an upgrade leaves alone. */
export const CONFIGURATION = ["/etc/sallyport/policy.yaml", "/etc/sallyport/service.conf"];

const UNITS = [
	"sallyport.service",
	"sallyport-early.service",
	"sallyport-early-unconfined.service",
	"sallyport-prepare.service",
	"sallyport-resolved.socket",
	"sallyport-resolved.service",
];

/** The file system as it is to be on a host of this kind (target.mjs), below `root`. */
export async function stage(root, { node, addon, strip, libraries }) {
	const put = (from, to, mode = 0o644) => {
		mkdirSync(dirname(`${root}${to}`), { recursive: true });
		copyFileSync(`${ROOT}/${from}`, `${root}${to}`);
		chmodSync(`${root}${to}`, mode);
	};
	const lib = "/usr/lib/sallyport";
	mkdirSync(`${root}${lib}`, { recursive: true });
	const packages = await bundle(`${root}${lib}`);
	copyFileSync(`${node}/bin/node`, `${root}${lib}/node`);
	execFileSync(strip, [`${root}${lib}/node`]);
	copyFileSync(addon, `${root}${lib}/sallyport.node`);
	chmodSync(`${root}${lib}/sallyport.node`, 0o644);
	execFileSync(strip, ["--strip-unneeded", `${root}${lib}/sallyport.node`]);
	for (const library of libraries) {
		copyFileSync(library.path, `${root}${lib}/${library.name}`);
		chmodSync(`${root}${lib}/${library.name}`, 0o644);
	}
	put("package.json", `${lib}/package.json`);
	put("systemd/prepare", `${lib}/prepare`, 0o755);
	put("systemd/sallyport.sh", "/usr/bin/sallyport", 0o755);
	for (const unit of UNITS) put(`systemd/${unit}`, `/lib/systemd/system/${unit}`);
	put("systemd/sallyport.sysusers.conf", "/usr/lib/sysusers.d/sallyport.conf");
	put("systemd/sallyport.tmpfiles.conf", "/usr/lib/tmpfiles.d/sallyport.conf");
	put("systemd/sallyport.modules.conf", "/usr/lib/modules-load.d/sallyport.conf");
	put("systemd/policy.yaml", "/etc/sallyport/policy.yaml");
	put("systemd/service.conf", "/etc/sallyport/service.conf");
	put("completion/sallyport.bash", "/usr/share/bash-completion/completions/sallyport");
	put("completion/_sallyport", "/usr/share/zsh/vendor-completions/_sallyport");
	mkdirSync(`${root}/usr/share/man/man1`, { recursive: true });
	writeFileSync(
		`${root}/usr/share/man/man1/sallyport.1.gz`,
		gzipSync(readFileSync(`${ROOT}/man/sallyport.1`), { level: 9 }),
	);
	const docs = "/usr/share/doc/sallyport";
	mkdirSync(`${root}${docs}`, { recursive: true });
	for (const page of readdirSync(`${ROOT}/docs`)) {
		cpSync(`${ROOT}/docs/${page}`, `${root}${docs}/${page}`, { recursive: true });
	}
	put("src/policy/policy.schema.json", `${docs}/policy.schema.json`);
	writeNotices(packages, node, `${root}${docs}/copyright`);
}
