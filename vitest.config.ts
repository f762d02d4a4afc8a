import { defineConfig } from "vitest/config";

/** Tests in these folders load programs, attach to cgroups and make namespaces: one file at a time. */
const KERNEL = [
	"test/native/**/*.test.ts",
	"test/bpf/**/*.test.ts",
	"test/e2e/**/*.test.ts",
	"test/bypass/**/*.test.ts",
];

export default defineConfig({
	test: {
		pool: "forks",
		testTimeout: 60_000,
		hookTimeout: 60_000,
		projects: [
			{ extends: true, test: { name: "unit", include: ["test/**/*.test.ts"], exclude: KERNEL } },
			{ extends: true, test: { name: "kernel", include: KERNEL, fileParallelism: false, sequence: { groupOrder: 1 } } },
		],
	},
});
