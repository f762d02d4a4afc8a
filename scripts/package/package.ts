/** npm run package: build/packages/sallyport_VERSION_ARCH.{deb,rpm,tar.gz}, the same bytes each time. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, Stop } from "../command.mjs";
import { HELP } from "../help.mjs";
import { known, readOptions } from "../options.ts";
import { type Job, KINDS, type Kind, make, requireTool, run, sameTimes } from "./kinds.ts";
import { type Metadata, readMetadata } from "./metadata.ts";
import { stage } from "./stage.ts";
import { targetFor } from "./target.ts";

await main().catch((error) => {
	if (!(error instanceof Stop)) throw error;
	process.stderr.write(`${error.message}\n`);
	process.exitCode = 1;
});

async function main(): Promise<void> {
	const { values, positionals } = readOptions(
		HELP["package"],
		{
			arch: { type: "string", default: process.arch },
			version: { type: "string" },
			quick: { type: "boolean", default: false },
			out: { type: "string", default: `${ROOT}/build/packages` },
		},
		KINDS.length,
	);
	known("package", positionals, KINDS);
	const kinds = positionals.length > 0 ? (positionals as Kind[]) : KINDS;
	/* Before the minutes that a package takes. */
	for (const kind of kinds) requireTool(kind);
	const metadata = readMetadata(values.version);
	process.env["SOURCE_DATE_EPOCH"] ??= run("git", ["log", "-1", "--format=%ct"]).trim();
	process.umask(0o022);
	mkdirSync(values.out, { recursive: true });
	const work = mkdtempSync(join(tmpdir(), "sallyport-package-"));
	try {
		const root = `${work}/root`;
		const target = await targetFor(values.arch);
		const epoch = Number(process.env["SOURCE_DATE_EPOCH"]);
		await stage(root, target, metadata, epoch);
		writeVersion(root, metadata);
		sameTimes(root, epoch);
		const job: Job = { root, work, target, metadata, epoch, out: values.out, quick: values.quick };
		for (const kind of kinds) {
			const file = make(kind, job);
			const bytes = readFileSync(file);
			const sum = createHash("sha256").update(bytes).digest("hex");
			process.stdout.write(`${sum}  ${(bytes.length / 1e6).toFixed(1)} MB  ${file}\n`);
		}
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
}

/** The part of package.json that the daemon reads. */
function writeVersion(root: string, { version, license }: Metadata): void {
	const text = JSON.stringify({ name: "sallyport", version, license, type: "module" });
	writeFileSync(`${root}/usr/lib/sallyport/package.json`, `${text}\n`);
}
