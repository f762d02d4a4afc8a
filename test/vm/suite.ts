/** Tests of this tree in a guest: the tree is at /mnt/host, and its Node runs them. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { compileClients } from "../support/clients.ts";

/** Below the tree: the guest has no compiler. */
const CLIENTS = "build/guest-clients";

export function prepareSuite(root: string): void {
	const folder = join(root, CLIENTS);
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	for (const sources of ["test/support/clients", "test/bypass/clients"])
		compileClients(folder, join(root, sources), ["-static"]);
}

/** "bypass" (or "bypass S7 N14", some rows) is `npm run test:bypass`, a line a row; else a path below test/ for vitest, a line a test. */
export function suiteCommand(suite: string): string {
	const [name, ...rows] = suite.split(" ");
	const run =
		name === "bypass"
			? `node test/bypass/bypass.ts ${rows.join(" ")}`
			: `node node_modules/vitest/vitest.mjs run --project kernel --reporter=verbose test/${suite}`;
	return [
		"systemctl stop beacon",
		"mount -o remount,ro /mnt/host",
		"cd /mnt/host",
		`export SALLYPORT_TEST_SLOW=10 SALLYPORT_TEST_CLIENTS=$PWD/${CLIENTS}/bin PATH=$PWD/node_modules/.bin:$PATH NO_COLOR=1`,
		run,
	].join("\n");
}
