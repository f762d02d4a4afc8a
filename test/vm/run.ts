/**
 * npm run test:vm -- --kernel 6.1: boots Debian with systemd under QEMU, installs the package as a person would, and checks the service
 * from inside and outside; --quick: install and boot only. Images and kernels are Debian's, cached in $SALLYPORT_VM_CACHE or ~/.cache/sallyport-vm.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packetsTo } from "./capture.ts";
import { makeImage } from "./image.ts";
import { fetchKernel, type GuestKernel } from "./kernels.ts";
import { boot } from "./machine.ts";

const ROOT = join(import.meta.dirname, "../..");
const BEACON = "198.51.100.9";
const CHECKS = "exec systemd-run -q --wait --pipe --collect --unit=checks";

let failed = 0;

async function timed<T>(what: string, work: () => T | Promise<T>): Promise<T> {
	const started = performance.now();
	const result = await work();
	print(`     ${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
	return result;
}

function print(line: string): void {
	process.stdout.write(`${line}\n`);
}

function tell(name: string, ok: boolean, detail: string): void {
	if (!ok) failed++;
	print(`${ok ? "ok  " : "FAIL"} ${name}${detail === "" ? "" : `: ${detail}`}`);
}

/* A check's line is JSON; whatever else comes is shown as it is. */
function report(line: string): void {
	try {
		const { name, ok, detail, ms } = JSON.parse(line) as { name: string; ok: boolean; detail: string; ms: number };
		tell(name, ok, `${detail}${detail === "" ? "" : ", "}${(ms / 1000).toFixed(1)} s`);
	} catch {
		print(`     ${line}`);
	}
}

class Guest {
	readonly #kernel: GuestKernel;
	readonly #image: string;
	readonly #folder: string;
	#boots = 0;

	constructor(kernel: GuestKernel, image: string, folder: string) {
		this.#kernel = kernel;
		this.#image = image;
		this.#folder = folder;
	}

	/** Boots the same host once more, and says what the capture has. */
	async run(command: string, seconds: number): Promise<{ all: number; to: number }> {
		const capture = join(this.#folder, `${++this.#boots}.pcap`);
		const code = await boot({
			kernel: this.#kernel,
			image: this.#image,
			disk: join(this.#folder, "disk"),
			share: join(this.#folder, "share"),
			command,
			capture,
			seconds,
			onLine: report,
		});
		if (code !== 0) tell(`boot ${this.#boots}`, false, `exit code ${code}`);
		return packetsTo(capture, BEACON);
	}
}

async function test(version: string, cache: string, quick: boolean): Promise<void> {
	mkdirSync(cache, { recursive: true });
	const folder = mkdtempSync("/tmp/sallyport-vm-test-");
	const share = join(folder, "share");
	try {
		const kernel = await timed(`kernel ${version}`, () => fetchKernel(version, cache));
		const image = await timed("image", () => makeImage(kernel, cache));
		cpSync(join(import.meta.dirname, "guest"), join(share, "guest"), { recursive: true });
		await timed("packages", () => {
			for (const number of ["0.1.0", "0.1.1"]) {
				const args = ["scripts/package/package.mjs", "--quick", "--out", share, "--version", number, "deb"];
				execFileSync(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
			}
		});
		const guest = new Guest(kernel, image, folder);
		const node = "cp /usr/lib/sallyport/node /opt/node";
		const checks = (part: string) => `${CHECKS} /opt/node /mnt/host/guest/checks.mjs ${part} /mnt/host vm`;

		const install = `dpkg -i /mnt/host/sallyport_0.1.0_amd64.deb | tail -1 && ${node} && ${checks("install")}`;
		const first = await timed("first boot: install", () => guest.run(install, 900));
		tell("without Sallyport the beacon gets out (the control)", first.to > 0, `${first.to} of ${first.all} packets`);
		const second = await timed("second boot: the early unit", () => guest.run(checks("boot"), 900));
		tell("nothing that the policy denies is in the capture", second.to === 0, `${second.to} of ${second.all} packets`);
		if (quick) return;
		await timed("third boot: the life of a service", () =>
			guest.run(`${checks("service").slice(5)}; ${checks("spoil")}`, 3_000),
		);
		const last = await timed("fourth boot: no good policy, on_boot closed", () => guest.run(checks("closed"), 900));
		tell("nothing is in the capture either", last.to === 0, `${last.to} of ${last.all} packets`);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

const { values } = parseArgs({
	options: { kernel: { type: "string", multiple: true, default: ["6.1"] }, quick: { type: "boolean", default: false } },
});
const cache = process.env["SALLYPORT_VM_CACHE"] ?? join(homedir(), ".cache/sallyport-vm");
for (const version of values.kernel) await timed(`all of ${version}`, () => test(version, cache, values.quick));
process.exitCode = failed === 0 ? 0 : 1;
