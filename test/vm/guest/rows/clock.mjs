/** A clock that is wrong by years. On a machine of its own only: a container has the clock of its host. */
import assert from "node:assert/strict";
import { check, decides } from "../check.mjs";
import { must, run } from "../host.mjs";

export async function rows({ machine }) {
	if (!machine) throw new Error("the clock is not ours to set here: run it in a virtual machine");
	await check("a clock that is ten years behind", async () => {
		const now = must("date", "+%s").trim();
		must("date", "-s", "2016-01-01");
		try {
			must("systemctl", "restart", "sallyport");
			await decides();
			const { findings } = JSON.parse(run("sallyport", "doctor", "--json").out);
			assert.equal(findings.find((each) => each.check === "clock").result, "warning");
		} finally {
			must("date", "-s", `@${now}`);
		}
	});
}
