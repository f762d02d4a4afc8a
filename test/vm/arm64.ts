/** npm run test:arm64: the package for arm64 on Debian's arm64 kernel, in an emulated guest. */
import { execFileSync, spawn } from "node:child_process";
import {
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { HELP } from "../../scripts/help.mjs";
import { readOptions } from "../../scripts/options.ts";
import { Cleanup } from "../support/cleanup.ts";
import { ROOT } from "../support/paths.ts";
import { Report } from "./report.ts";
import { CACHE } from "./share.ts";

const PACKAGES = ["linux-image-cloud-arm64", "libc6", "libstdc++6", "busybox-static"];
const FOLDERS = ["dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/lib", "var/lib/sallyport"];
/** The emulated verifier needs half a minute for all programs. */
const SECONDS = 900;
const INIT = `#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox mount -t tmpfs run /run
busybox mount -t cgroup2 cgroup /sys/fs/cgroup
busybox mount -t bpf bpf /sys/fs/bpf
busybox ip link set lo up
/usr/lib/sallyport/node /guest.mjs
busybox poweroff -f
`;

/** Unpacks Debian's kernel and the libraries that Node links with, unless the cache has them. */
function unpackDebian(): string {
	const folder = join(CACHE, "arm64");
	if (existsSync(folder)) return folder;
	const part = `${folder}.part`;
	rmSync(part, { recursive: true, force: true });
	mkdirSync(part, { recursive: true });
	const include = `--include=${PACKAGES.join()}`;
	const args = ["--quiet", "--variant=extract", "--architectures=arm64", include, "bookworm", `${part}.tar`];
	execFileSync("mmdebstrap", args, { stdio: ["ignore", "ignore", "inherit"] });
	execFileSync("tar", ["-xf", `${part}.tar`, "-C", part, "./boot", "./bin", "./lib", "./usr/lib/aarch64-linux-gnu"]);
	rmSync(`${part}.tar`);
	renameSync(part, folder);
	return folder;
}

/** Makes an initramfs of the package, libc and a shell. */
function makeTree(folder: string, debian: string): string {
	const tree = join(folder, "tree");
	for (const each of FOLDERS) mkdirSync(join(tree, each), { recursive: true });
	const args = ["scripts/package/package.ts", "--arch", "arm64", "--quick", "--out", folder, "tar"];
	execFileSync(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
	const packed = readdirSync(folder).find((file) => file.endsWith(".tar.gz")) ?? "";
	execFileSync("tar", ["-xzf", join(folder, packed), "-C", tree, "--exclude=./usr/share"]);
	for (const each of ["lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu"])
		cpSync(join(debian, each), join(tree, each), { recursive: true, verbatimSymlinks: true });
	symlinkSync("aarch64-linux-gnu/ld-linux-aarch64.so.1", join(tree, "lib/ld-linux-aarch64.so.1"));
	mkdirSync(join(tree, "bin"));
	cpSync(join(debian, "bin/busybox"), join(tree, "bin/busybox"));
	symlinkSync("busybox", join(tree, "bin/sh"));
	cpSync(join(import.meta.dirname, "arm64.guest.mjs"), join(tree, "guest.mjs"));
	writeFileSync(join(tree, "init"), INIT, { mode: 0o755 });
	const image = join(folder, "initrd.gz");
	execFileSync("sh", ["-c", `find . | cpio --quiet -o -H newc | gzip -1 > ${image}`], { cwd: tree });
	return image;
}

function boot(kernel: string, initrd: string, report: Report): Promise<void> {
	const machine = ["-machine", "virt", "-cpu", "max,pauth-impdef=on", "-smp", "2", "-m", "1800"];
	const console = ["-nodefaults", "-nographic", "-serial", "stdio", "-no-reboot"];
	const start = ["-kernel", kernel, "-initrd", initrd, "-append", "console=ttyAMA0 panic=-1 quiet"];
	const qemu = spawn("qemu-system-aarch64", [...machine, ...console, ...start], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	cleanup.defer("QEMU", () => qemu.kill("SIGKILL"));
	const timer = setTimeout(() => qemu.kill(), SECONDS * 1000);
	let ended = false;
	createInterface({ input: qemu.stdout }).on("line", (line) => {
		if (line === "done") ended = true;
		else report.line(line);
	});
	return new Promise((resolve) =>
		qemu.once("close", () => {
			clearTimeout(timer);
			if (!ended) report.check("guest", false, "it did not run to its end");
			resolve();
		}),
	);
}

readOptions(HELP["test:arm64"], {});
const report = new Report();
const cleanup = new Cleanup();
const folder = mkdtempSync("/tmp/sallyport-arm64-");
cleanup.defer(folder, () => rmSync(folder, { recursive: true, force: true }));
try {
	mkdirSync(CACHE, { recursive: true });
	const debian = await report.timed("Debian", () => unpackDebian());
	const initrd = await report.timed("package", () => makeTree(folder, debian));
	const kernel = readdirSync(join(debian, "boot")).find((file) => file.startsWith("vmlinuz-")) ?? "";
	await report.timed("guest", () => boot(join(debian, "boot", kernel), initrd, report));
} finally {
	cleanup.run();
}
process.exitCode = report.failed === 0 ? 0 : 1;
