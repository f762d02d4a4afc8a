/** The listener for scrapes: paths, authentication, TLS and settings. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DEFAULTS } from "../../../src/base/config.ts";
import type { MetricsConfig } from "../../../src/base/metrics-config.ts";
import { checkMetricsConfig } from "../../../src/metrics/listener.ts";
import { hashPassword, parsePasswordHash, verifyPassword } from "../../../src/metrics/password.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { ask, basic, file, folder, listen, logged, TOKEN, useListeners } from "./listening.ts";

useListeners();

test("the only path is /metrics, the only methods are GET and HEAD", async () => {
	const listener = await listen();
	expect(await ask(listener)).toEqual({
		status: 200,
		text: "up 1\nup 2\n",
		type: expect.stringContaining("version=0.0.4"),
	});
	expect((await ask(listener, { method: "HEAD" })).text).toBe("");
	for (const path of ["/", "/metricsx", "/v1/connections", "/v1/policy", "/metrics/../v1/policy"])
		expect((await ask(listener, { path })).status, path).toBe(404);
	for (const method of ["POST", "PUT", "DELETE"]) expect((await ask(listener, { method })).status).toBe(405);
	expect(logged).toEqual([]);
});

test("with a token, the token is required", async () => {
	const listener = await listen({ tokenFile: file("token", `${TOKEN}\n`) });
	expect((await ask(listener)).status).toBe(401);
	for (const authorization of [`Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, TOKEN, "Bearer ", basic("a", TOKEN)])
		expect((await ask(listener, { authorization })).status, authorization).toBe(401);
	expect((await ask(listener, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
	expect((await ask(listener, { authorization: `bearer ${TOKEN}` })).status).toBe(200);
});

test("with users, a user and password of either kind of hash is required", async () => {
	const sha = createHash("sha256").update("long and random").digest("hex");
	const basicFile = file("users", `# users\nprometheus:sha256:${sha}\nann:${await hashPassword("hello:you")}\n`);
	const listener = await listen({ basicFile });
	expect((await ask(listener, { authorization: basic("prometheus", "long and random") })).status).toBe(200);
	expect((await ask(listener, { authorization: basic("ann", "hello:you") })).status).toBe(200);
	expect((await ask(listener, { authorization: basic("ann", "hello:you") })).status, "from memory").toBe(200);
	for (const [user, password] of [
		["ann", "hello"],
		["ann", "long and random"],
		["bob", "hello:you"],
		["", ""],
	])
		expect((await ask(listener, { authorization: basic(user ?? "", password ?? "") })).status).toBe(401);
});

test("few password hashes are computed at a time; further guesses are refused", async () => {
	const listener = await listen({ basicFile: file("users", `ann:${await hashPassword("right")}\n`) });
	const answers = await Promise.all(
		Array.from({ length: 20 }, (_, i) => ask(listener, { authorization: basic("ann", `guess ${i}`) })),
	);
	const statuses = answers.map(({ status }) => status);
	expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(0);
	expect(statuses.filter((status) => status !== 503 && status !== 401)).toEqual([]);
});

test("TLS: a reload reads certificate and token again, and keeps the previous ones if a file cannot be used", async () => {
	const { ca, cert, key } = makeCertificates(folder);
	const { readFileSync } = await import("node:fs");
	const tokenFile = file("token", TOKEN);
	const listener = await listen({ tlsCert: cert, tlsKey: key, tokenFile });
	const asked = { ca: readFileSync(ca), authorization: `Bearer ${TOKEN}` };
	expect((await ask(listener, asked)).status).toBe(200);
	await expect(ask(listener, { authorization: `Bearer ${TOKEN}` })).rejects.toThrow();
	file("token", `${TOKEN}-new`);
	listener.reload();
	expect((await ask(listener, asked)).status).toBe(401);
	expect((await ask(listener, { ...asked, authorization: `Bearer ${TOKEN}-new` })).status).toBe(200);
	file("token", "short");
	listener.reload();
	expect((await ask(listener, { ...asked, authorization: `Bearer ${TOKEN}-new` })).status).toBe(200);
	expect(logged.join("")).toContain("stay as they were");
});

test("the log warns about metrics that every host can read, a secret in cleartext, and a secret that every user can access", async () => {
	await listen({}, "0.0.0.0:0");
	expect(logged.join("")).toContain("every host that reaches this address can read them");
	logged.length = 0;
	await listen({ tokenFile: file("token", TOKEN, 0o644) }, "0.0.0.0:0");
	expect(logged.join("")).toContain("in cleartext");
	expect(logged.join("")).toContain("every user of this host can access a secret");
});

test("settings and files are checked before the daemon starts anything", async () => {
	const { metrics } = DEFAULTS;
	const { cert, key } = makeCertificates(folder);
	const tls = { tlsCert: cert, tlsKey: key };
	const token = { tokenFile: file("token", TOKEN) };
	const basic = { basicFile: file("users", `ann:${await hashPassword("x")}\n`) };
	const listen1 = { ...metrics, listen: "127.0.0.1:9441" };
	expect(() => checkMetricsConfig({ ...listen1, tlsCert: cert })).toThrow("TLS needs both");
	for (const secret of [token, basic, tls])
		expect(() => checkMetricsConfig({ ...metrics, ...secret })).toThrow("without --metrics-listen");
	for (const address of ["9441", "host.example:9441", "1.2.3.4:99999", "::1:9441", "[::1]"])
		expect(() => checkMetricsConfig({ ...metrics, listen: address }), address).toThrow("ADDRESS:PORT");
	for (const address of ["127.0.0.1:9441", "[::1]:9441", "localhost:0"])
		checkMetricsConfig({ ...metrics, listen: address });
	for (const listen of ["0.0.0.0:9441", "[::]:9441", "192.0.2.1:9441"]) {
		for (const given of [{}, token, basic, tls]) {
			const config = { ...metrics, listen, ...given };
			expect(() => checkMetricsConfig(config), JSON.stringify(config)).toThrow("to the network");
			checkMetricsConfig({ ...config, insecure: true });
		}
		checkMetricsConfig({ ...metrics, listen, ...tls, ...token });
		checkMetricsConfig({ ...metrics, listen, ...tls, ...basic });
	}
	const unusable: [Partial<MetricsConfig>, RegExp][] = [
		[{ tokenFile: join(folder, "none") }, /none cannot be used.*ENOENT/],
		[{ tokenFile: file("short", "short") }, /16 to 512/],
		[{ basicFile: file("plain", "ann:plain") }, /line 1/],
		[{ basicFile: file("empty", "# nobody\n") }, /no user/],
		[{ tlsCert: key, tlsKey: cert }, /cannot be used/],
	];
	for (const [files, what] of unusable) {
		expect(() => checkMetricsConfig({ ...listen1, ...files })).toThrow(expect.objectContaining({ code: "USAGE" }));
		await expect(listen(files)).rejects.toThrow(what);
	}
});

test("a busy port is an error with the address", async () => {
	const { address } = await listen();
	await expect(listen({}, address)).rejects.toMatchObject({
		code: "LISTEN_FAILED",
		message: expect.stringContaining(address),
	});
});

test("a scrypt hash that would take too much memory is refused", async () => {
	const hash = await hashPassword("x");
	expect(hash).toMatch(/^scrypt:14:8:1:/);
	expect(parsePasswordHash(hash.replace("scrypt:14", "scrypt:30"))).toBeNull();
	expect(parsePasswordHash(hash.replace("scrypt:14", "scrypt:4"))).toBeNull();
	const parsed = parsePasswordHash(hash);
	expect(parsed !== null && (await verifyPassword("x", parsed))).toBe(true);
	expect(parsed !== null && (await verifyPassword("y", parsed))).toBe(false);
});
