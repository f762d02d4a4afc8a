/** Tests of this tree in a guest without systemd, with the tree on a disk (tree.ts). */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { CLIENTS, TREE } from "./tree.ts";

/** Tests of test/e2e whose outcome does not depend on the kernel. */
const ELSEWHERE: Readonly<Record<string, string>> = {
	"docs.test.ts": "runs commands of the documentation with programs that the guest lacks",
	"cli.test.ts": "prints answers of the API, which api.test.ts covers",
	"honest-programs.test.ts":
		"servers and clients that the guest lacks; their traffic is that of names.test.ts and http.test.ts",
	"no-sni.test.ts": "database clients that the guest lacks",
	"musl.test.ts": "a compiler that the guest lacks",
	"resolve-once.test.ts": "nginx, which the guest lacks",
	"prometheus.test.ts": "Prometheus and promtool, which the guest lacks, read metrics over HTTP",
	"quic-client.test.ts": "a QUIC client and server that the guest lacks; quic.test.ts covers the datagrams",
};

/** The first process, instead of systemd (guest/init). */
export const INIT = `init=/bin/bash -- -c "mount -t devtmpfs devtmpfs /dev; modprobe -a virtio_pci virtio_blk; mount -t ext4 -o ro /dev/vda ${TREE}; exec bash ${TREE}/test/vm/guest/init"`;

export interface Suites {
	readonly command: string;
	/** Tests of `e2e` that are not run, with the reason. */
	readonly left: readonly string[];
}

/**
 * The command that runs suites one after another. "bypass", or "bypass S7 N14" for some rows, is `npm run test:bypass`; "e2e" is all of
 * test/e2e that depends on the kernel; anything else is a path below test/ for vitest.
 */
export function suites(root: string, selected: readonly string[]): Suites {
	const all = readdirSync(join(root, "test/e2e")).filter((file) => file.endsWith(".test.ts"));
	const e2e = all.filter((file) => !(file in ELSEWHERE)).map((file) => `test/e2e/${file}`);
	const runs = selected.map((suite) => {
		const [name, ...rows] = suite.split(" ");
		if (name === "bypass") return `node test/bypass/bypass.ts ${rows.join(" ")}`;
		const files = suite === "e2e" ? e2e.join(" ") : `test/${suite}`;
		return `node node_modules/vitest/vitest.mjs run --reporter=./test/vm/guest/reporter.mjs ${files}`;
	});
	const left = selected.includes("e2e") ? Object.entries(ELSEWHERE).map(([file, why]) => `e2e/${file}: ${why}`) : [];
	return { command: [SETTING, ...runs.map((run) => `${run} || code=$?`), "exit $code"].join("\n"), left };
}

/* Several guests share the disk, so writes go to an overlay in memory. */
const SETTING = `code=0
mkdir /run/upper /run/work
mount -t overlay overlay -o lowerdir=${TREE},upperdir=/run/upper,workdir=/run/work ${TREE}
cd ${TREE}
export SALLYPORT_TEST_SLOW=20 SALLYPORT_TEST_CLIENTS=$PWD/${CLIENTS}/bin PATH=$PWD/node_modules/.bin:$PATH NO_COLOR=1
export NODE_COMPILE_CACHE=/run/compiled`;
