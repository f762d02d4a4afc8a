import { defineConfig } from "vitest/config";

/** Tests in these folders load programs, attach to cgroups and make namespaces: one file at a time. */
const FOLDERS = ["native", "bpf", "corpus", "fuzz", "e2e", "bypass", "vm"];
const KERNEL = FOLDERS.map((folder) => `test/${folder}/**/*.test.ts`);

/** As in test/support/run.ts. */
const SLOW = Number(process.env["SALLYPORT_TEST_SLOW"] ?? 1);

export default defineConfig({
	test: {
		pool: "forks",
		testTimeout: 60_000 * SLOW,
		hookTimeout: 60_000 * SLOW,
		projects: [
			{ extends: true, test: { name: "unit", include: ["test/**/*.test.ts"], exclude: KERNEL } },
			{ extends: true, test: { name: "kernel", include: KERNEL, fileParallelism: false, sequence: { groupOrder: 1 } } },
		],
	},
});
