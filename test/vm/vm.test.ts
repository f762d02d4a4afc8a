/** npm run test:vm as a test, on one kernel. The log has its output, with the seconds of each part. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";

const MINUTES = 60_000;

test(
	"Linux 6.1: the package on a real systemd, from its installation to its removal",
	async () => {
		/* The guest ends with a killed test. */
		const args = ["--pdeathsig", "TERM", process.execPath, join(import.meta.dirname, "run.ts"), "--kernel", "6.1"];
		const run = spawn("setpriv", args, { stdio: ["ignore", "inherit", "inherit"] });
		const [code] = await once(run, "close");
		expect(code).toBe(0);
	},
	60 * MINUTES,
);
