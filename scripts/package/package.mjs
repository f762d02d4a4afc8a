/**
 * npm run package: build/packages/sallyport_VERSION_ARCH.{deb,rpm,tar.gz}, the same bytes each time.
 * `--version V` gives them another version than package.json's, `--quick` does not compress (for tests); arguments deb, rpm, tar choose.
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	chmodSync,
	cpSync,
	lutimesSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { arch } from "node:process";
import { parseArgs } from "node:util";
import { ROOT, Stop } from "../command.mjs";
import { CONFIGURATION, stage } from "./stage.mjs";

const HERE = import.meta.dirname;
/* What differs from run to run in a file system: owners, umask, times. */
const DEBIAN = { x64: "amd64", arm64: "arm64" };
const RPM = { x64: "x86_64", arm64: "aarch64" };

const makers = {
	deb({ root, version, out, quick }) {
		const file = `${out}/sallyport_${version}_${DEBIAN[arch]}.deb`;
		const control = `${root}/DEBIAN`;
		mkdirSync(control);
		for (const script of ["postinst", "prerm", "postrm"]) {
			cpSync(`${HERE}/debian/${script}`, `${control}/${script}`);
			chmodSync(`${control}/${script}`, 0o755);
		}
		writeFileSync(`${control}/conffiles`, `${CONFIGURATION.join("\n")}\n`);
		writeFileSync(`${control}/control`, controlFile(version, DEBIAN[arch], sizeOf(root)));
		sameTimes(control);
		run("dpkg-deb", ["--root-owner-group", quick ? "-Znone" : "-Zxz", "--build", root, file]);
		rmSync(control, { recursive: true });
		return file;
	},
	tar({ root, version, out, quick }) {
		const file = `${out}/sallyport-${version}-linux-${arch}.tar.gz`;
		const same = ["--sort=name", `--mtime=@${epoch()}`, "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"];
		run("tar", [...same, "-C", root, "-I", `gzip -${quick ? 1 : 9}n`, "-cf", file, "."]);
		return file;
	},
	rpm({ root, version, out, work, quick }) {
		const payload = quick ? "w0.gzdio" : "w12.zstdio";
		const define = {
			_binary_payload: payload,
			_topdir: `${work}/rpm`,
			_rpmdir: out,
			sallyport_version: version,
			sallyport_stage: root,
		};
		const definitions = Object.entries(define).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
		const name = `sallyport-${version}-1.${RPM[arch]}.rpm`;
		const target = ["--target", `${RPM[arch]}-linux`, "--define", `_rpmfilename ${name}`];
		run("rpmbuild", ["-bb", "--quiet", ...target, ...definitions, `${HERE}/rpm/sallyport.spec`]);
		return `${out}/${name}`;
	},
};

function controlFile(version, architecture, kilobytes) {
	return `Package: sallyport
Version: ${version}
Architecture: ${architecture}
Maintainer: Sallyport <sallyport@localhost>
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.33), systemd
Section: net
Priority: optional
Description: egress monitor and policy for a Linux host, in the kernel by eBPF
 Shows every outbound connection with its name (process, unit, container,
 user, domain) and enforces an egress policy in the kernel. Holds its own
 Node.js.
`;
}

function epoch() {
	return process.env["SOURCE_DATE_EPOCH"];
}

function sizeOf(root) {
	const files = readdirSync(root, { recursive: true }).map((file) => statSync(`${root}/${file}`));
	return Math.ceil(files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0) / 1024);
}

function sameTimes(root) {
	const time = Number(epoch());
	for (const file of ["", ...readdirSync(root, { recursive: true })]) lutimesSync(`${root}/${file}`, time, time);
}

function run(command, args) {
	try {
		return execFileSync(command, args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
	} catch (error) {
		throw new Stop(`${command} failed: ${error.stderr || error.message}`);
	}
}

async function main() {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			version: { type: "string" },
			quick: { type: "boolean", default: false },
			out: { type: "string", default: `${ROOT}/build/packages` },
		},
	});
	const version = values.version ?? JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8")).version;
	const { out, quick } = values;
	process.env["SOURCE_DATE_EPOCH"] ??= run("git", ["log", "-1", "--format=%ct"]).trim();
	process.umask(0o022);
	mkdirSync(out, { recursive: true });
	const work = mkdtempSync("/tmp/sallyport-package-");
	try {
		const root = `${work}/root`;
		await stage(root);
		writeVersion(root, version);
		sameTimes(root);
		for (const kind of positionals.length > 0 ? positionals : Object.keys(makers)) {
			const file = makers[kind]({ root, version, out, work, quick });
			const bytes = readFileSync(file);
			const sum = createHash("sha256").update(bytes).digest("hex");
			process.stdout.write(`${sum}  ${(bytes.length / 1e6).toFixed(1)} MB  ${file}\n`);
		}
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
}

function writeVersion(root, version) {
	const file = `${root}/usr/lib/sallyport/package.json`;
	const { name, license, type } = JSON.parse(readFileSync(file, "utf8"));
	writeFileSync(file, `${JSON.stringify({ name, version, license, type })}\n`);
}

await main().catch((error) => {
	if (!(error instanceof Stop)) throw error;
	process.stderr.write(`${error.message}\n`);
	process.exitCode = 1;
});
