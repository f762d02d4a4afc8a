import { execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Cleanup } from "../support/cleanup.ts";
import { panicIn } from "./console.ts";
import type { GuestKernel } from "./kernels.ts";

export interface Boot {
	readonly kernel: GuestKernel;
	/** Base image, and the file with the guest's changes to it, which later boots see. */
	readonly image: string;
	readonly disk: string;
	/** Read-only file systems: /dev/vda and so on. */
	readonly more?: readonly string[];
	/** At /mnt/host in the guest. */
	readonly share: string;
	readonly command: string;
	/** pcap file of the guest's interface. */
	readonly capture: string;
	readonly seconds: number;
	/** Added to the kernel's command line. */
	readonly append?: string;
	/** Processors; 2 if not given. */
	readonly cpus?: number;
	readonly onLine: (line: string) => void;
}

/** Boots, runs the command as root, and resolves to its exit code. 124: time limit reached; 125: the machine did not answer. */
export async function boot(options: Boot): Promise<number> {
	const { image, disk, share, command, seconds, onLine } = options;
	if (!existsSync(disk)) execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, disk]);
	const cleanup = new Cleanup();
	const folder = mkdtempSync("/tmp/sallyport-vm-");
	cleanup.defer(folder, () => rmSync(folder, { recursive: true, force: true }));
	const at = (name: string) => join(folder, name);
	writeFileSync(at("command"), command);
	const fs = spawn("/usr/lib/qemu/virtiofsd", [`--socket-path=${at("fs")}`, "-o", `source=${share}`], {
		stdio: "ignore",
	});
	cleanup.defer("virtiofsd", () => fs.kill());
	try {
		for (let tries = 0; !existsSync(at("fs")) && tries < 200; tries++)
			await new Promise((done) => setTimeout(done, 50));
		const out = openSync(at("out"), "w");
		const qemu = spawn("qemu-system-x86_64", argumentsFor(options, at), { stdio: ["ignore", "ignore", "inherit"] });
		cleanup.defer("QEMU", () => qemu.kill("SIGKILL"));
		const timer = setTimeout(() => qemu.kill("SIGKILL"), seconds * 1000);
		let read = 0;
		const follow = setInterval(() => (read = readOn(at("out"), read, onLine)), 500);
		await new Promise((done) => qemu.once("exit", done));
		clearTimeout(timer);
		clearInterval(follow);
		readOn(at("out"), read, onLine, true);
		closeSync(out);
		const code = existsSync(at("code")) ? readFileSync(at("code"), "utf8").trim() : "";
		if (code !== "") return Number(code);
		const console = existsSync(at("console")) ? readFileSync(at("console"), "utf8") : "";
		const outOfTime = qemu.signalCode === "SIGKILL";
		const why = panicIn(console) ?? (outOfTime ? `not done within ${seconds} s` : "the machine did not answer");
		onLine(`${why}; its console ends with:\n${console.slice(-3_000)}`);
		return outOfTime ? 124 : 125;
	} finally {
		cleanup.run();
	}
}

/*
 * Software emulation. Without tsc=reliable the guest loses its clock under load, and without no_timer_check a late timer interrupt is
 * taken for a broken IO-APIC: the kernel panics (arch/x86/kernel/apic/io_apic.c). NVMe and ext4 are built into the cloud kernels.
 * QEMU emulates `rep movs` and `rep stos` byte by byte, and la57 adds a level to each page walk: without them the programs load
 * in half the time. With SMAP each copy from or to user space flushes the emulated TLB twice.
 */
function argumentsFor(options: Boot, at: (name: string) => string): string[] {
	const { kernel, disk, more = [], capture, append = "", cpus = 2 } = options;
	const memory = 1536;
	const port = (name: string) => [
		...["-chardev", `file,id=${name},path=${at(name)}`],
		...["-device", `virtserialport,chardev=${name},name=${name}`],
	];
	return [
		...["-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", String(cpus), "-m", String(memory)],
		...["-machine", "q35,memory-backend=mem", "-object", `memory-backend-memfd,id=mem,size=${memory}M,share=on`],
		...["-nodefaults", "-display", "none", "-no-reboot", "-kernel", kernel.image],
		...["-append", `${COMMAND_LINE} ${append}`],
		/* Only the root is on NVMe: the order of two controllers or namespaces may differ between boots. */
		...["-drive", `if=none,id=root,file=${disk},format=qcow2`, "-device", "nvme,drive=root,serial=root"],
		...more.flatMap((file, index) => [
			...["-drive", `if=none,id=more${index},file=${file},format=raw,readonly=on`],
			...["-device", `virtio-blk-pci,drive=more${index}`],
		]),
		...["-chardev", `socket,id=fs,path=${at("fs")}`, "-device", "vhost-user-fs-pci,chardev=fs,tag=host"],
		...["-netdev", "user,id=net,restrict=on", "-device", `virtio-net-pci,netdev=net,mac=${MAC}`],
		...["-object", `filter-dump,id=dump,netdev=net,file=${capture}`],
		...["-serial", `file:${at("console")}`, "-device", "virtio-serial-pci", ...port("out"), ...port("code")],
		...["-fw_cfg", `name=opt/io.systemd.credentials/command,file=${at("command")}`],
	];
}

const CPU = "max,-erms,-la57,-smap,-smep";
const COMMAND_LINE =
	"root=/dev/nvme0n1 rw console=ttyS0 tsc=reliable no_timer_check clearcpuid=rep_good panic=-1 net.ifnames=0";
/** The guest's interface. */
export const MAC = "52:54:00:12:34:56";

/* Passes on new whole lines, and with `all` the rest. Returns the new offset (bytes). */
function readOn(file: string, from: number, onLine: (line: string) => void, all = false): number {
	const text = readFileSync(file).subarray(from).toString("utf8");
	const end = all ? text.length : text.lastIndexOf("\n") + 1;
	for (const line of text.slice(0, end).split("\n")) if (line !== "") onLine(line);
	return from + Buffer.byteLength(text.slice(0, end));
}
