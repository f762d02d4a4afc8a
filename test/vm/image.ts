import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { GuestKernel } from "./kernels.ts";

const GUEST = join(import.meta.dirname, "guest");
const PACKAGES = [
	"systemd",
	"systemd-sysv",
	"dbus",
	"udev",
	"kmod",
	"iproute2",
	"curl",
	"procps",
	"bpftool",
	"libnss-resolve",
	/* Used by the tests of test/bypass and test/e2e (suite.ts). */
	"libbpf1",
	"openssl",
	"nftables",
	"ca-certificates",
	"nscd",
	"libpam-systemd",
	"dbus-user-session",
	"systemd-container",
];
/* Units that no test needs: each takes tenths of a second to seconds under emulation. */
const MASKED = [
	...["getty.target", "serial-getty@.service", "console-getty.service", "systemd-random-seed.service"],
	...["systemd-update-utmp.service", "systemd-update-utmp-runlevel.service", "systemd-pstore.service"],
	...["modprobe@drm.service", "modprobe@dm_mod.service", "modprobe@loop.service", "modprobe@configfs.service"],
	...["sys-kernel-config.mount", "e2scrub_reap.service", "apt-daily.timer", "apt-daily-upgrade.timer"],
	...["dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer", "systemd-resolved.service", "nscd.service"],
];
const MODULES = [
	"crypto",
	"fs",
	"lib",
	"net",
	"drivers/block",
	"drivers/char",
	"drivers/firmware",
	"drivers/net",
	"drivers/virtio",
];

/** Makes an ext4 image of Debian with systemd, the modules of a kernel and the files of guest/, unless the cache has it. */
export function makeImage(kernel: GuestKernel, cache: string): string {
	const inputs = [PACKAGES, MASKED, MODULES, kernel.release, readFileSync(import.meta.filename, "utf8")];
	const hash = createHash("sha256").update(JSON.stringify(inputs));
	for (const file of ["agent.service", "agent", "beacon.service"]) hash.update(readFileSync(join(GUEST, file)));
	const image = join(cache, `image-${kernel.release}-${hash.digest("hex").slice(0, 12)}`);
	if (existsSync(image)) return image;
	for (const old of readdirSync(cache)) if (old.startsWith(`image-${kernel.release}-`)) rmSync(join(cache, old));
	const root = mkdtempSync("/tmp/sallyport-vm-root-");
	try {
		execFileSync("chmod", ["755", root]);
		unpackDebian(root, cache);
		addModules(root, kernel);
		configure(root);
		/* Another run may be making the same image. */
		const part = join(cache, `part-${process.pid}`);
		execFileSync("truncate", ["-s", "2G", part]);
		execFileSync("mkfs.ext4", ["-q", "-F", "-d", root, "-m", "0", part]);
		renameSync(part, image);
		return image;
	} finally {
		rmSync(root, { recursive: true, force: true });
	}
}

/** Unpacks a configured Debian, without this project. */
export function unpackDebian(root: string, cache: string): void {
	execFileSync("tar", ["-xf", system(cache), "-C", root]);
}

function system(cache: string): string {
	const tar = join(cache, `bookworm-${createHash("sha256").update(PACKAGES.join()).digest("hex").slice(0, 12)}.tar`);
	if (existsSync(tar)) return tar;
	mkdirSync(cache, { recursive: true });
	const exclude = ["doc", "man", "locale"].map((each) => `--dpkgopt=path-exclude=/usr/share/${each}/*`);
	const args = [
		"--quiet",
		"--variant=minbase",
		`--include=${PACKAGES.join()}`,
		...exclude,
		"bookworm",
		`${tar}.part.tar`,
	];
	execFileSync("mmdebstrap", args, { stdio: ["ignore", "ignore", "inherit"] });
	renameSync(`${tar}.part.tar`, tar);
	return tar;
}

function addModules(root: string, { modules, release }: GuestKernel): void {
	const into = join(root, "usr/lib/modules", release);
	mkdirSync(into, { recursive: true });
	for (const file of readdirSync(modules))
		if (file.startsWith("modules.")) cpSync(join(modules, file), join(into, file));
	for (const folder of MODULES)
		cpSync(join(modules, "kernel", folder), join(into, "kernel", folder), { recursive: true });
	execFileSync("chroot", [root, "depmod", release]);
}

/** For a container: network and kernel are the host's. */
export function configureContainer(root: string): void {
	identify(root);
	mask(root);
}

function identify(root: string): void {
	const put = (path: string, text: string) => writeFileSync(join(root, path), text);
	put("etc/hostname", "guest\n");
	put("etc/hosts", "127.0.0.1 localhost guest\n");
	put("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	put("etc/fstab", "");
}

function mask(root: string): void {
	execFileSync("systemctl", ["-q", `--root=${root}`, "mask", ...MASKED]);
	/* systemd-update-done(8): without this, the first boot would rebuild caches. */
	execFileSync("touch", ["-r", join(root, "usr"), join(root, "etc/.updated"), join(root, "var/.updated")]);
}

function configure(root: string): void {
	const put = (path: string, text: string) => writeFileSync(join(root, path), text);
	identify(root);
	rmSync(join(root, "etc/resolv.conf"), { force: true });
	put("etc/resolv.conf", "nameserver 10.0.2.3\n");
	put(
		"etc/systemd/network/80-vm.network",
		"[Match]\nType=ether\nKind=!*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n",
	);
	/* Loading the programs takes seconds on hardware; an emulated processor is ten times slower. */
	for (const unit of ["sallyport.service", "sallyport-early.service", "sallyport-early-unconfined.service"]) {
		mkdirSync(join(root, `etc/systemd/system/${unit}.d`), { recursive: true });
		put(`etc/systemd/system/${unit}.d/emulated.conf`, "[Service]\nTimeoutStartSec=600\n");
	}
	for (const unit of ["agent.service", "beacon.service"])
		cpSync(join(GUEST, unit), join(root, "etc/systemd/system", unit));
	cpSync(join(GUEST, "agent"), join(root, "usr/local/sbin/agent"));
	execFileSync("chmod", ["755", join(root, "usr/local/sbin/agent")]);
	mkdirSync(join(root, "mnt/host"), { recursive: true });
	const systemctl = (...args: string[]) => execFileSync("systemctl", ["-q", `--root=${root}`, ...args]);
	systemctl("enable", "agent.service", "beacon.service", "systemd-networkd.service");
	systemctl("disable", "systemd-networkd-wait-online.service");
	systemctl("set-default", "multi-user.target");
	mask(root);
}
