/** An unwritable /var: the policy stays in force, and status reports the failure of the history. */
import assert from "node:assert/strict";
import { check, decides } from "../check.mjs";
import { enforce, must, run, running, status, until } from "../host.mjs";

export async function rows() {
	await check("read-only /var: the policy is in force, and history reports the failure", () =>
		startedOn(
			() => {
				must("mount", "--bind", "/var", "/var");
				/* Fails with EBUSY while a file is open for writing. */
				return until("it is read-only", 20, () => must("mount", "-o", "remount,bind,ro", "/var") === "");
			},
			() => must("umount", "/var"),
		),
	);
	await check("no space for its state: the same", () =>
		startedOn(
			() => {
				must("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", STATE);
				run("dd", "if=/dev/zero", `of=${STATE}/fill`, "bs=4k", "count=100");
			},
			() => must("umount", STATE),
		),
	);
	await check("the disk fills while the daemon runs, and has space again: nothing stops", async () => {
		must("systemctl", "stop", "sallyport");
		must("mount", "-t", "tmpfs", "-o", "size=8m,mode=750", "tmpfs", STATE);
		must("chown", "sallyport:sallyport", STATE);
		try {
			must("systemctl", "start", "sallyport");
			await running();
			run("dd", "if=/dev/zero", `of=${STATE}/fill`, "bs=64k");
			await decides("full");
			assert.equal((await running()).events.lost, 0);
			const failure = await until("status names the failure", 20, async () => {
				await decides("full");
				return status().history?.failure;
			});
			must("rm", `${STATE}/fill`);
			await until("history is written again", 60, async () => {
				await decides("emptied");
				return status().history?.state === "writing";
			});
			return `${failure.message}; ${status().history?.dropped} records dropped`;
		} finally {
			run("systemctl", "stop", "sallyport");
			must("umount", STATE);
			must("systemctl", "start", "sallyport");
		}
	});
}

const STATE = "/var/lib/sallyport";

/** @param {() => unknown} spoil @param {() => unknown} mend */
async function startedOn(spoil, mend) {
	must("systemctl", "stop", "sallyport");
	try {
		await spoil();
		must("systemctl", "start", "sallyport");
		await decides();
		await enforce();
		await decides("after a reload");
		const { failure } = status().history ?? {};
		assert.equal(typeof failure?.message, "string", "status names the failure");
		return failure?.message;
	} finally {
		run("systemctl", "stop", "sallyport");
		mend();
		must("systemctl", "start", "sallyport");
		await running();
	}
}
