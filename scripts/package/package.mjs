/** npm run package: build/packages/sallyport_VERSION_ARCH.{deb,rpm,tar.gz}, the same bytes each time. */

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
import { arch as own } from "node:process";
import { ROOT, Stop } from "../command.mjs";
import { known, readOptions } from "../options.ts";
import { CONFIGURATION, stage } from "./stage.mjs";
import { HOST, targetFor } from "./target.mjs";

const USAGE = `
npm run package [-- OPTIONS] [deb] [rpm] [tar]     packages with their Node and addon, the same bytes each time

  --arch arm64    for other machines than this one
  --version V     another version than package.json's
  --out DIR       build/packages if not given
  --quick         not compressed, for tests
`;
const HERE = import.meta.dirname;
const makers = {
	deb({ root, version, out, quick, target }) {
		const file = `${out}/sallyport_${version}_${target.debian}.deb`;
		const control = `${root}/DEBIAN`;
		mkdirSync(control);
		for (const script of ["postinst", "prerm", "postrm"]) {
			cpSync(`${HERE}/debian/${script}`, `${control}/${script}`);
			chmodSync(`${control}/${script}`, 0o755);
		}
		writeFileSync(`${control}/conffiles`, `${CONFIGURATION.join("\n")}\n`);
		writeFileSync(`${control}/control`, controlFile(version, target.debian, sizeOf(root)));
		sameTimes(control);
		run("dpkg-deb", ["--root-owner-group", quick ? "-Znone" : "-Zxz", "--build", root, file]);
		rmSync(control, { recursive: true });
		return file;
	},
	tar({ root, version, out, quick, target }) {
		const file = `${out}/sallyport-${version}-linux-${target.arch}.tar.gz`;
		const same = ["--sort=name", `--mtime=@${epoch()}`, "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"];
		run("tar", [...same, "-C", root, "-I", `gzip -${quick ? 1 : 9}n`, "-cf", file, "."]);
		return file;
	},
	rpm({ root, version, out, work, quick, target }) {
		const payload = quick ? "w0.gzdio" : "w6.xzdio";
		const define = {
			_binary_payload: payload,
			_topdir: `${work}/rpm`,
			_rpmdir: out,
			sallyport_version: version,
			sallyport_stage: root,
			sallyport_glibc: HOST.glibc,
			sallyport_gcc: HOST.gcc,
		};
		const definitions = Object.entries(define).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
		const name = `sallyport-${version}-1.${target.rpm}.rpm`;
		const machine = ["--target", `${target.rpm}-linux`, "--define", `_rpmfilename ${name}`];
		run("rpmbuild", ["-bb", "--quiet", ...machine, ...definitions, `${HERE}/rpm/sallyport.spec`]);
		return `${out}/${name}`;
	},
};

function controlFile(version, architecture, kilobytes) {
	return `Package: sallyport
Version: ${version}
Architecture: ${architecture}
Maintainer: Sallyport <sallyport@localhost>
Installed-Size: ${kilobytes}
Depends: libc6 (>= ${HOST.glibc}), libstdc++6 (>= ${HOST.gcc}), systemd
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

/* What differs from run to run in a file system. */
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
	const options = {
		arch: { type: "string", default: own },
		version: { type: "string" },
		quick: { type: "boolean", default: false },
		out: { type: "string", default: `${ROOT}/build/packages` },
	};
	const { values, positionals } = readOptions(USAGE, options, Object.keys(makers).length);
	known("package", positionals, Object.keys(makers));
	const version = values.version ?? JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8")).version;
	const { out, quick } = values;
	process.env["SOURCE_DATE_EPOCH"] ??= run("git", ["log", "-1", "--format=%ct"]).trim();
	process.umask(0o022);
	mkdirSync(out, { recursive: true });
	const work = mkdtempSync("/tmp/sallyport-package-");
	try {
		const root = `${work}/root`;
		const target = await targetFor(values.arch);
		await stage(root, target);
		writeVersion(root, version);
		sameTimes(root);
		for (const kind of positionals.length > 0 ? positionals : Object.keys(makers)) {
			const file = makers[kind]({ root, version, out, work, quick, target });
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
