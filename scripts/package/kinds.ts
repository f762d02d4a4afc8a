/** The kinds of package, each made of one staged tree. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, lutimesSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { ROOT, Stop } from "../command.mjs";
import { type Metadata, rpmChangelog } from "./metadata.ts";
import { CONFIGURATION, releases } from "./stage.ts";
import { HOST, type Target } from "./target.ts";

export interface Job {
	/** The staged tree. */
	readonly root: string;
	/** A folder for intermediate files. */
	readonly work: string;
	readonly out: string;
	/** Uncompressed. */
	readonly quick: boolean;
	readonly target: Target;
	readonly metadata: Metadata;
	/** Seconds; the time of every file. */
	readonly epoch: number;
}

const HERE = import.meta.dirname;
const TOOLS = { deb: "dpkg-deb", rpm: "rpmbuild", tar: "tar" } as const;
const MAKERS = { deb, rpm, tar } as const;

export type Kind = keyof typeof TOOLS;
export const KINDS = Object.keys(TOOLS) as Kind[];

/** Returns the path of the package. */
export function make(kind: Kind, job: Job): string {
	return MAKERS[kind](job);
}

/** Throws Stop if the program that makes this kind is not installed. */
export function requireTool(kind: Kind): void {
	if (spawnSync(TOOLS[kind], ["--version"], { stdio: "ignore" }).status === 0) return;
	const others = KINDS.filter((each) => each !== kind).join(" ");
	throw new Stop(
		`A ${kind} needs ${TOOLS[kind]}, which is not installed. For the other kinds: npm run package -- ${others}`,
	);
}

/** Throws Stop with the command's standard error if it fails. */
export function run(command: string, args: readonly string[]): string {
	try {
		return execFileSync(command, args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
	} catch (error) {
		const { stderr, message } = error as Error & { readonly stderr?: string };
		throw new Stop(`${command} failed: ${stderr || message}`);
	}
}

/** Sets the times of all files: otherwise they differ from run to run. */
export function sameTimes(root: string, epoch: number): void {
	for (const file of ["", ...filesBelow(root)]) lutimesSync(`${root}/${file}`, epoch, epoch);
}

function deb({ root, out, quick, target, metadata, epoch }: Job): string {
	const file = `${out}/sallyport_${metadata.version}_${target.debian}.deb`;
	const control = `${root}/DEBIAN`;
	mkdirSync(control);
	for (const script of ["postinst", "prerm", "postrm"]) {
		cpSync(`${HERE}/debian/${script}`, `${control}/${script}`);
		chmodSync(`${control}/${script}`, 0o755);
	}
	writeFileSync(`${control}/conffiles`, `${CONFIGURATION.join("\n")}\n`);
	writeFileSync(`${control}/control`, controlFile(metadata, target.debian, sizeOf(root)));
	sameTimes(control, epoch);
	run("dpkg-deb", ["--root-owner-group", quick ? "-Znone" : "-Zxz", "--build", root, file]);
	rmSync(control, { recursive: true });
	return file;
}

function tar({ root, out, quick, target, metadata, epoch }: Job): string {
	const file = `${out}/sallyport-${metadata.version}-linux-${target.arch}.tar.gz`;
	const same = ["--sort=name", `--mtime=@${epoch}`, "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"];
	run("tar", [...same, "-C", root, "-I", `gzip -${quick ? 1 : 9}n`, "-cf", file, "."]);
	return file;
}

function rpm({ root, out, work, quick, target, metadata, epoch }: Job): string {
	const changelog = `${work}/changelog`;
	writeFileSync(changelog, rpmChangelog(releases(metadata), metadata.maintainer, epoch));
	const define = {
		_binary_payload: quick ? "w0.gzdio" : "w6.xzdio",
		_topdir: `${work}/rpm`,
		_rpmdir: out,
		sallyport_version: metadata.version,
		sallyport_license: metadata.license,
		sallyport_homepage: metadata.homepage,
		sallyport_bugs: metadata.bugs,
		sallyport_repository: metadata.repository,
		sallyport_maintainer: metadata.maintainer,
		sallyport_summary: metadata.summary,
		sallyport_changelog: changelog,
		sallyport_stage: root,
		sallyport_glibc: HOST.glibc,
		sallyport_gcc: HOST.gcc,
	};
	const definitions = Object.entries(define).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
	const name = `sallyport-${metadata.version}-1.${target.rpm}.rpm`;
	const machine = ["--target", `${target.rpm}-linux`, "--define", `_rpmfilename ${name}`];
	run("rpmbuild", ["-bb", "--quiet", ...machine, ...definitions, `${HERE}/rpm/sallyport.spec`]);
	return `${out}/${name}`;
}

function controlFile(metadata: Metadata, architecture: string, kilobytes: number): string {
	return `Package: sallyport
Version: ${metadata.version}
Architecture: ${architecture}
Maintainer: ${metadata.maintainer}
Installed-Size: ${kilobytes}
Depends: libc6 (>= ${HOST.glibc}), libstdc++6 (>= ${HOST.gcc}), systemd
Section: net
Priority: optional
Homepage: ${metadata.homepage}
Bugs: ${metadata.bugs}
Description: ${metadata.summary}
 Shows every outbound connection with its name (process, unit, container,
 user, domain) and enforces an egress policy in the kernel. Brings its own
 Node.js.
`;
}

/** KiB */
function sizeOf(root: string): number {
	const files = filesBelow(root).map((file) => statSync(`${root}/${file}`));
	return Math.ceil(files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0) / 1024);
}

function filesBelow(root: string): string[] {
	return readdirSync(root, { recursive: true, encoding: "utf8" });
}
