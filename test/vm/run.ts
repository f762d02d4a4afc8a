/**
 * npm run test:vm: boots Debian with systemd under QEMU, installs the package as a person would, and checks the service from inside and
 * outside; or the tests of the tree in such a guest (suite.ts).
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { known, readOptions } from "../../scripts/options.ts";
import { Cleanup } from "../support/cleanup.ts";
import { ROOT } from "../support/paths.ts";
import { type Captured, sentTo } from "./capture.ts";
import { makeImage } from "./image.ts";
import { fetchKernel, type GuestKernel, KERNELS } from "./kernels.ts";
import { boot, MAC } from "./machine.ts";
import { Report } from "./report.ts";
import { CACHE, fillShare, INSTALL, ROWS } from "./share.ts";
import { INIT, suites } from "./suite.ts";
import { makeTree } from "./tree.ts";

const BEACON = "198.51.100.9";
/** Parts of guest/checks.mjs and files of guest/rows, in this order, after the early unit's. */
const PARTS = ["service", "memory", "disk", "clock", "who"];
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

	/** Boots the same host once more, and says what the capture has. */
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
		if (code !== 0) report.tell(`boot ${this.#boots}`, false, `exit code ${code}`);
		return sentTo(capture, MAC, BEACON);
	}
}

/** Tests of this tree on other kernels, in guests that have no Sallyport of their own. */
async function testSuites(versions: readonly string[], wanted: readonly string[]): Promise<void> {
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
		const { command, left } = suites(ROOT, wanted);
		for (const each of left) report.print(`not run: ${each}`);
		const run = async ({ version, kernel, image }: (typeof guests)[number]) => {
			const own = new Report(guests.length > 1 ? `${version} ` : "");
			const at = (name: string) => join(folder, `${name}-${version}`);
			const files = { disk: at("disk"), capture: at("capture"), share: folder, more: [tree] };
			const code = await own.timed(`${wanted.join(", ")} on ${version}`, () =>
				boot({
					...{ kernel, image, ...files, command, cpus, append: INIT, seconds: HOURS_3 },
					onLine: (line) => own.line(line),
				}),
			);
			own.tell(`${wanted.join(", ")} on ${version}`, code === 0, `exit code ${code}`);
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
		report.tell(
			"without Sallyport the beacon gets out (the control)",
			first.to > 0,
			`${first.to} of ${first.sent} packets that it sent`,
		);

		const life = parts.includes("service") ? [...parts, "spoil"] : parts;
		const second = await report.timed(`second boot: ${["the early unit", ...parts].join(", ")}`, () =>
			guest.run(inTurn(why, ...["boot", ...life].map(checks), SIGN), 3 * MINUTES_20),
		);
		tellNothing("nothing that the policy denies is in the capture", second);
		if (!life.includes("spoil")) return;

		const last = await report.timed("third boot: no good policy, on_boot closed", () =>
			guest.run(inTurn(checks("closed"), SIGN), MINUTES_20),
		);
		tellNothing("nothing is in the capture either", last);
	} finally {
		cleanup.run();
	}
}

/* The kernel asks whether the gateway is there: ARP, which no policy stops. A capture without it says nothing about what is denied. */
const SIGN = "ip neigh replace 10.0.2.2 lladdr 52:55:0a:00:02:02 dev eth0 nud probe; sleep 3";

function tellNothing(what: string, { to, sent }: Captured): void {
	report.tell(what, to === 0 && sent > 0, `${to} of ${sent} packets that it sent`);
}

const MINUTES_20 = 1_200;
const HOURS_3 = 10_800;
const USAGE = `
npm run test:vm [-- OPTIONS]     the package in Debian with systemd under QEMU, from install to removal

  --kernel 6.1     or 6.12; may be given twice
  --quick          install and boot only
  --only PART      install, boot and this part: ${PARTS.join(", ")};
                   or ${ROWS.filter((row) => !PARTS.includes(row)).join(", ")}; may be given twice
  --suite SUITE    tests of the tree instead, a guest for each kernel at once: bypass, "bypass S7" (some rows),
                   e2e, e2e/names.test.ts; may be given twice

Kernels and image are Debian's, cached in $SALLYPORT_VM_CACHE or ~/.cache/sallyport-vm. SIGINT cleans up.
`;
const { values } = readOptions(USAGE, {
	kernel: { type: "string", multiple: true, default: ["6.1"] },
	only: { type: "string", multiple: true, default: PARTS },
	quick: { type: "boolean", default: false },
	suite: { type: "string", multiple: true },
});
known("kernel", values.kernel, KERNELS);
known("part", values.only, [...PARTS, ...ROWS]);
const report = new Report();
if (values.suite !== undefined) {
	await testSuites(values.kernel, values.suite);
} else {
	for (const version of values.kernel)
		await report.timed(`all of ${version}`, () => test(version, values.quick ? [] : values.only));
}
process.exitCode = report.failed === 0 ? 0 : 1;
