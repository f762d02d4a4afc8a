/** The user data and image of docs/ec2.md, without EC2 and without a package repository. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { check, decides } from "../check.mjs";
import { blockOf } from "../docs.mjs";
import { ENFORCE, must, NODE, POLICY_FILE, policy, property, run, running } from "../host.mjs";

/** @param {import("../checks.mjs").Setting} setting */
export async function rows({ folder }) {
	const page = `${folder}/docs/ec2.md`;
	await check("user data: a policy is written, and the package installed after it keeps it", async () => {
		run("dpkg", "-P", "sallyport");
		assert.equal(existsSync(NODE), false);
		const { path, content } = writtenFile(blockOf(page, "## By user data", "yaml"));
		assert.equal(path, POLICY_FILE);
		mkdirSync(dirname(path), { recursive: true });
		const text = content.replace("mode: observe", "mode: observe # of user data");
		writeFileSync(path, text);
		const install = blockOf(page, "## By user data", "bash").replace(/\S+\.deb/, `${folder}/sallyport_0.1.0_amd64.deb`);
		must("sh", "-ec", install);
		assert.equal(readFileSync(path, "utf8"), text);
		const { mode, failure } = (await running()).policy;
		assert.deepEqual({ mode, failure }, { mode: "observe", failure: null });
		return install.trim().split("\n").at(-1);
	});
	await check("an image: the policy is in force before the network of the instance", async () => {
		policy(ENFORCE);
		const block = blockOf(page, "## In an image", "bash");
		must("bash", "-ec", block);
		assert.notEqual(property("sallyport", "ActiveState"), "active");
		assert.ok(existsSync("/var/lib/sallyport/last-good"));
		assert.deepEqual(
			readdirSync("/var/lib/sallyport").filter((name) => name.startsWith("history.db")),
			[],
		);
		/* The steps of a boot, in their order. */
		must("sallyport", "detach");
		rmSync("/sys/fs/bpf/sallyport", { recursive: true, force: true });
		must("systemctl", "restart", "sallyport-early");
		await decides("by the early unit");
		must("systemctl", "start", "sallyport");
		const { adopted } = await running();
		assert.equal(adopted, true);
		await decides("by the daemon");
		return must("journalctl", "-u", "sallyport-early", "-o", "cat", "-n", "20")
			.split("\n")
			.findLast((line) => line.startsWith("In force"));
	});
}

/** The only file of `write_files`. @param {string} cloudConfig */
function writtenFile(cloudConfig) {
	const path = /path: (\S+)/.exec(cloudConfig)?.[1] ?? "";
	const lines = cloudConfig.split("\n");
	const begin = lines.findIndex((line) => line.trimEnd().endsWith("content: |")) + 1;
	const indent = /^ */.exec(lines[begin] ?? "")?.[0] ?? "";
	const end = lines.findIndex((line, index) => index > begin && !line.startsWith(indent));
	return {
		path,
		content: `${lines
			.slice(begin, end)
			.map((line) => line.slice(indent.length))
			.join("\n")}\n`,
	};
}
