/** Removal of the package. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { check } from "./check.mjs";
import { must, NODE, POLICY_FILE } from "./host.mjs";

export async function removal() {
	await check("removal leaves nothing in the kernel, purge nothing on disk", async () => {
		must("dpkg", "-r", "sallyport");
		assert.equal(existsSync("/sys/fs/bpf/sallyport"), false);
		assert.doesNotMatch(must("bpftool", "cgroup", "tree"), /\s(egress|connect4)\s*$/m, "no programs of these names");
		must("dpkg", "-P", "sallyport");
		for (const path of ["/var/lib/sallyport", "/etc/sallyport", POLICY_FILE, NODE])
			assert.equal(existsSync(path), false, path);
	});
}
