/** Tokens as systemd credentials, by the drop-in of docs/service.md: only the daemon can read them. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { check } from "../check.mjs";
import { blockOf } from "../docs.mjs";
import { must, property, run, running } from "../host.mjs";

const DROP_IN = "/run/systemd/system/sallyport.service.d";
const SECRET = "/etc/sallyport/metrics-token";
const CONF = "/etc/sallyport/service.conf";
const TOKEN = "3b1f0c7e9a5d4826b1f0c7e9a5d48263";
const ANOTHER = "4826b1f0c7e9a5d482633b1f0c7e9a5d";

/** @param {import("../checks.mjs").Setting} setting */
export async function rows({ folder }) {
	const conf = readFileSync(CONF, "utf8");
	try {
		await check("the drop-in of docs/service.md: the daemon serves metrics to clients with the token", async () => {
			writeFileSync(SECRET, `${TOKEN}\n`, { mode: 0o600 });
			mkdirSync(DROP_IN, { recursive: true });
			writeFileSync(`${DROP_IN}/secrets.conf`, blockOf(`${folder}/docs/service.md`, "## Secrets", "ini"));
			must("systemctl", "daemon-reload");
			must("systemctl", "restart", "sallyport");
			await running();
			assert.equal(answered(TOKEN), "200");
			assert.equal(answered(ANOTHER), "401");
			assert.equal(answered(null), "401");
		});
		await check("only root and the daemon can read the secret", () => {
			const copy = "/run/credentials/sallyport.service/metrics-token";
			assert.equal(run("runuser", "-u", "sallyport", "--", "cat", SECRET).code, 1, "the file itself");
			assert.notEqual(run("runuser", "-u", "nobody", "--", "cat", copy).code, 0, "its copy");
			const shown = [
				property("sallyport", "Environment"),
				property("sallyport", "ExecStart"),
				run("systemctl", "status", "sallyport").out,
			];
			for (const text of shown) assert.ok(!text.includes(TOKEN), "no unit or command line shows it");
		});
		await check("a new secret applies from the next start on", async () => {
			writeFileSync(SECRET, `${ANOTHER}\n`);
			assert.equal(answered(TOKEN), "200");
			must("systemctl", "restart", "sallyport");
			await running();
			assert.equal(answered(TOKEN), "401");
			assert.equal(answered(ANOTHER), "200");
		});
	} finally {
		rmSync(DROP_IN, { recursive: true, force: true });
		rmSync(SECRET, { force: true });
		writeFileSync(CONF, conf);
		must("systemctl", "daemon-reload");
		must("systemctl", "restart", "sallyport");
	}
}

/** The HTTP status. @param {string | null} token */
function answered(token) {
	const header = token === null ? [] : ["-H", `Authorization: Bearer ${token}`];
	return run("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", ...header, "http://127.0.0.1:9441/metrics").out;
}
