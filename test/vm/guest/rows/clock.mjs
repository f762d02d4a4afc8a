/** A clock that is wrong by years. Only in a virtual machine: a container has the clock of its host. */
import assert from "node:assert/strict";
import { check, decides } from "../check.mjs";
import { must, run } from "../host.mjs";

/** @param {import("../checks.mjs").Setting} setting */
export async function rows({ machine }) {
	if (!machine) throw new Error("a container may not set the clock: run this in a guest");
	await check("a clock that is ten years behind", async () => {
		const now = must("date", "+%s").trim();
		must("date", "-s", "2016-01-01");
		try {
			must("systemctl", "restart", "sallyport");
			await decides();
			/** @type {{ findings: { check: string, result: string }[] }} */
			const { findings } = JSON.parse(run("sallyport", "doctor", "--json").out);
			assert.equal(findings.find((each) => each.check === "clock")?.result, "warning");
		} finally {
			must("date", "-s", `@${now}`);
		}
	});
}
