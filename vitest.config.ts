import { defineConfig } from "vitest/config";
import { NODE_FLAGS } from "./scripts/command.mjs";

/** As in test/support/run.ts: how many times slower than usual this machine is. */
const SLOW = Number(process.env["SALLYPORT_TEST_SLOW"] ?? 1);

const KERNEL = ["native", "bpf", "e2e", "bypass"].map((folder) => `test/${folder}/**/*.test.ts`);

/**
 * Kernel tests that run one file at a time. The others share nothing: each file makes its own cgroup, network namespaces, bpffs and
 * folder, and its servers listen only inside these namespaces.
 */
const ALONE = [
	/* Fill the ring or need all of its events: another file's load on the daemon would change what is lost. */
	"test/e2e/{counters,metrics,reload,restart}.test.ts",
	/* Prometheus on port 9090 of the host, as in the documentation. */
	"test/e2e/{docs,prometheus}.test.ts",
];

/**
 * Time limits (ms) only end what hangs. They are far above what a busy machine needs, so that none of them decides about a test.
 */
const HANGS = 180_000 * SLOW;

/** Two cores: most tests wait for something. An emulated machine has one. */
const SIDE_BY_SIDE = SLOW > 1 ? 1 : 2;

/** Projects of one group order run side by side, and groups one after another. */
export default defineConfig({
	test: {
		pool: "forks",
		execArgv: NODE_FLAGS,
		testTimeout: HANGS,
		hookTimeout: HANGS,
		expect: { poll: { timeout: 15_000 * SLOW } },
		projects: [
			project("unit", 0, ["test/unit/**/*.test.ts"], SIDE_BY_SIDE),
			project("kernel", 1, KERNEL, SIDE_BY_SIDE, ALONE),
			project("kernel-alone", 2, ALONE),
			project("corpus", 3, ["test/corpus/**/*.test.ts"]),
			project("fuzz", 4, ["test/fuzz/**/*.test.ts"]),
			project("guest", 5, ["test/vm/**/*.test.ts"]),
		],
	},
});

function project(name: string, groupOrder: number, include: string[], maxWorkers = 1, exclude: string[] = []) {
	return { extends: true as const, test: { name, include, exclude, maxWorkers, sequence: { groupOrder } } };
}
