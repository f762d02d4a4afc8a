/** npm run test:spawn: the service on this machine's kernel, in a systemd-nspawn container of Debian that is removed afterwards. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CONTAINER_PARTS, HELP, ROWS } from "../../scripts/help.mjs";
import { amount, known, readOptions } from "../../scripts/options.ts";
import { Cleanup } from "../support/cleanup.ts";
import { Container, type Limits } from "./container.ts";
import { configureContainer, unpackDebian } from "./image.ts";
import { Report } from "./report.ts";
import { CACHE, fillShare, INSTALL } from "./share.ts";

/** Debian packages of rpm and its libraries, for the part "rpm". */
const RPM = [
	"rpm",
	"rpm-common",
	"librpm9",
	"librpmio9",
	"librpmbuild9",
	"librpmsign9",
	"liblua5.3-0",
	"libpopt0",
	"libsqlite3-0",
];

interface Wanted {
	readonly parts: readonly string[];
	readonly minutes: number;
	readonly limits: Limits;
}

async function test({ parts, minutes, limits }: Wanted, report: Report): Promise<void> {
	const cleanup = new Cleanup();
	const folder = mkdtempSync("/tmp/sallyport-spawn-");
	cleanup.defer(folder, () => rmSync(folder, { recursive: true, force: true }));
	try {
		const root = join(folder, "root");
		const share = join(folder, "share");
		mkdirSync(root);
		await report.timed("Debian", () => {
			mkdirSync(CACHE, { recursive: true });
			unpackDebian(root, CACHE);
			configureContainer(root);
		});
		const withRpm = parts.includes("rpm");
		await report.timed("packages", () => fillShare(share, withRpm ? ["deb", "rpm"] : ["deb"]));
		if (withRpm) {
			mkdirSync(join(share, "rpm"));
			execFileSync("apt-get", ["download", "-q", ...RPM], { cwd: join(share, "rpm"), stdio: "ignore" });
		}
		const container = await report.timed("boot", () =>
			Container.boot({ root, share, console: join(folder, "console"), limits, cleanup }),
		);
		await container.run(INSTALL, (line) => report.print(`     ${line}`));
		for (const part of parts) {
			const node = `MINUTES=${minutes} exec /opt/node /mnt/host/guest/checks.mjs ${part} /mnt/host nspawn`;
			const code = await container.run(
				`exec systemd-run -q --wait --pipe --collect --unit=checks-${part} sh -c '${node}'`,
				(line) => report.line(line),
			);
			if (code > 1) report.check(part, false, `exit code ${code}`);
		}
	} finally {
		for (const failure of cleanup.run()) report.check("cleanup", false, failure);
	}
}

const { values } = readOptions(HELP["test:spawn"], {
	only: { type: "string", multiple: true, default: CONTAINER_PARTS },
	minutes: { type: "string", default: "30" },
	memory: { type: "string" },
	cpus: { type: "string" },
});
known("part", values.only, [...CONTAINER_PARTS, ...ROWS]);
const limit = (option: string, text: string | undefined) => (text === undefined ? null : amount(option, text));
const report = new Report();
const limits = { memory: limit("--memory", values.memory), cpus: limit("--cpus", values.cpus) };
await report.timed("all", () =>
	test({ parts: values.only, minutes: amount("--minutes", values.minutes), limits }, report),
);
process.exitCode = report.failed === 0 ? 0 : 1;
