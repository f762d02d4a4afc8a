/**
 * npm run test:vm: boots a guest, Debian with systemd under QEMU, installs the package, and checks the service from inside and outside.
 * With --suite it runs tests of the tree in such a guest (suite.ts).
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { GUEST_PARTS, HELP, KERNELS, ROWS } from "../../scripts/help.mjs";
import { known, readOptions } from "../../scripts/options.ts";
import { Cleanup } from "../support/cleanup.ts";
import { ROOT } from "../support/paths.ts";
import { type Captured, sentTo } from "./capture.ts";
import { makeImage } from "./image.ts";
import { fetchKernel, type GuestKernel } from "./kernels.ts";
import { boot, MAC } from "./machine.ts";
import { Report } from "./report.ts";
import { CACHE, fillShare, INSTALL } from "./share.ts";
import { INIT, suites } from "./suite.ts";
import { makeTree } from "./tree.ts";

/** Destination of guest/beacon.service. */
const BEACON = "198.51.100.9";
/* An emulated processor is about ten times slower (docs/kernels.md). */
const CHECKS = "systemd-run -q --wait --pipe --collect --unit=checks -E SALLYPORT_TEST_SLOW=10";

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

	/** Boots the same host once more, and counts the frames that it sent. */
	async run(command: string, seconds: number): Promise<Captured> {
		const capture = join(this.#folder, `${++this.#boots}.pcap`);
		const code = await boot({
			kernel: this.#kernel,
			image: this.#image,
			disk: join(this.#folder, "disk"),
			share: join(this.#folder, "share"),
			command,
			capture,
			seconds,
			onLine: (line) => report.line(line),
		});
		if (code !== 0) report.check(`boot ${this.#boots}`, false, `exit code ${code}`);
		return sentTo(capture, MAC, BEACON);
	}
}

/** Runs tests of this tree on other kernels, in guests without an installed Sallyport. */
async function testSuites(versions: readonly string[], selected: readonly string[]): Promise<void> {
	mkdirSync(CACHE, { recursive: true });
	const cleanup = new Cleanup();
	const folder = mkdtempSync("/tmp/sallyport-vm-suite-");
	cleanup.defer(folder, () => rmSync(folder, { recursive: true, force: true }));
	try {
		const tree = join(folder, "tree");
		await report.timed("the tree as a disk", () => makeTree(ROOT, tree));
		const guests = versions.map((version) => {
			const kernel = fetchKernel(version, CACHE);
			return { version, kernel, image: makeImage(kernel, CACHE) };
		});
		const cpus = Math.max(1, Math.floor(availableParallelism() / guests.length));
		const { command, left } = suites(ROOT, selected);
		for (const each of left) report.print(`not run: ${each}`);
		const run = async ({ version, kernel, image }: (typeof guests)[number]) => {
			const own = new Report(guests.length > 1 ? `${version} ` : "");
			const at = (name: string) => join(folder, `${name}-${version}`);
			const files = { disk: at("disk"), capture: at("capture"), share: folder, more: [tree] };
			const code = await own.timed(`${selected.join(", ")} on ${version}`, () =>
				boot({
					...{ kernel, image, ...files, command, cpus, append: INIT, seconds: HOURS_3 },
					onLine: (line) => own.line(line),
				}),
			);
			own.check(`${selected.join(", ")} on ${version}`, code === 0, `exit code ${code}`);
			report.failed += own.failed;
		};
		await Promise.all(guests.map(run));
	} finally {
		cleanup.run();
	}
}

async function test(version: string, parts: readonly string[]): Promise<void> {
	mkdirSync(CACHE, { recursive: true });
	const cleanup = new Cleanup();
	const folder = mkdtempSync("/tmp/sallyport-vm-test-");
	cleanup.defer(folder, () => rmSync(folder, { recursive: true, force: true }));
	const share = join(folder, "share");
	try {
		const kernel = await report.timed(`kernel ${version}`, () => fetchKernel(version, CACHE));
		const image = await report.timed("image", () => makeImage(kernel, CACHE));
		await report.timed("packages", () => fillShare(share));
		const guest = new Guest(kernel, image, folder);
		const checks = (part: string) => `${CHECKS} /opt/node /mnt/host/guest/checks.mjs ${part} /mnt/host vm`;
		const inTurn = (...commands: string[]) =>
			["code=0", ...commands.map((each) => `${each} || code=$?`), "exit $code"].join("\n");

		const why =
			"systemctl -q is-active sallyport-early sallyport || journalctl -b -o cat -u sallyport-early -u sallyport";
		const first = await report.timed("first boot: install", () =>
			guest.run(inTurn(INSTALL, why, checks("install")), MINUTES_20),
		);
		report.check("without Sallyport the beacon gets out (the control)", first.to > 0, shareOf(first));

		const life = parts.includes("service") ? [...parts, "spoil"] : parts;
		const second = await report.timed(`second boot: ${["the early unit", ...parts].join(", ")}`, () =>
			guest.run(inTurn(why, ...["boot", ...life].map(checks), SIGN), 3 * MINUTES_20),
		);
		checkSilence("the capture has nothing that the policy denies", second);
		if (!life.includes("spoil")) return;

		const last = await report.timed("third boot: no valid policy, on_boot closed", () =>
			guest.run(inTurn(checks("closed"), SIGN), MINUTES_20),
		);
		checkSilence("the capture has nothing denied after the third boot", last);
	} finally {
		cleanup.run();
	}
}

/* Sends an ARP request, which no policy denies: it proves that the capture records the guest's frames. */
const SIGN = "ip neigh replace 10.0.2.2 lladdr 52:55:0a:00:02:02 dev eth0 nud probe; sleep 3";

function checkSilence(name: string, captured: Captured): void {
	report.check(name, captured.to === 0 && captured.sent > 0, shareOf(captured));
}

function shareOf({ to, sent }: Captured): string {
	return `${to} of ${sent} packets of the guest`;
}

const MINUTES_20 = 1_200;
const HOURS_3 = 10_800;
const { values } = readOptions(HELP["test:vm"], {
	kernel: { type: "string", multiple: true, default: ["6.1"] },
	only: { type: "string", multiple: true, default: GUEST_PARTS },
	quick: { type: "boolean", default: false },
	suite: { type: "string", multiple: true },
});
known("kernel", values.kernel, KERNELS);
known("part", values.only, [...GUEST_PARTS, ...ROWS]);
const report = new Report();
if (values.suite !== undefined) {
	await testSuites(values.kernel, values.suite);
} else {
	for (const version of values.kernel)
		await report.timed(`all of ${version}`, () => test(version, values.quick ? [] : values.only));
}
process.exitCode = report.failed === 0 ? 0 : 1;
