/** The documentation page in a browser: it sends a request and shows the response, loads nothing from elsewhere, and breaks no policy. */
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listenOnTcp, tcpListener } from "../../../src/api/listen.ts";
import { Tokens } from "../../../src/api/tokens.ts";
import { ableWith } from "../../support/able.ts";
import { fill, openApi } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

const TOKEN = "0123456789abcdef";
const CHROMIUM = "/usr/bin/chromium";
const isAble = ableWith(CHROMIUM);

let app: FastifyInstance;
let services: FakeServices;
let browser: Browser;
let origin: string;

beforeAll(async () => {
	if (!isAble) return;
	const harness = new TableHarness();
	fill(harness);
	services = new FakeServices(harness);
	const { access } = tcpListener({ listen: "127.0.0.1:0", tokenFile: null, tlsCert: null, tlsKey: null });
	app = await openApi(services, { access: { ...access, tokens: new Tokens([TOKEN]) } });
	await listenOnTcp(app, { host: "127.0.0.1", port: 0 });
	origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
	/* Chromium's sandbox does not run as root. */
	browser = await chromium.launch({ executablePath: CHROMIUM, chromiumSandbox: process.getuid?.() !== 0 });
});
afterAll(async () => {
	await browser?.close();
	await app?.close();
});

/** Opens an operation of the page and executes it with its default values. */
async function execute(page: Page, operation: string) {
	const block = page.locator(`.opblock[id$="-${operation}"]`);
	const button = block.getByRole("button", { name: "Execute" });
	if (!(await button.isVisible())) await block.locator(".opblock-summary-control").click();
	await button.click();
	const response = block.locator(".live-responses-table .response");
	const code = response.locator(".highlight-code").first();
	await code.waitFor();
	return {
		status: (await response.locator(".response-col_status").innerText()).trim(),
		url: await block.locator(".request-url").innerText(),
		body: await code.innerText(),
	};
}

/** Errors of the console (violations of the Content-Security-Policy among them), and requests that leave the origin. */
function watch(page: Page): { readonly errors: string[]; readonly foreign: string[] } {
	const errors: string[] = [];
	const foreign: string[] = [];
	page.on("console", (message) => {
		if (message.type() === "error" || /content security policy/i.test(message.text())) errors.push(message.text());
	});
	page.on("pageerror", (error) => errors.push(String(error)));
	page.on("request", (request) => {
		const url = request.url();
		if (!url.startsWith(`${origin}/`) && !/^(data|blob):/.test(url)) foreign.push(url);
	});
	return { errors, foreign };
}

test.runIf(isAble)("the page leads from / to a request and its response", async () => {
	const page = await browser.newPage();
	const { errors, foreign } = watch(page);
	await page.goto(`${origin}/`);
	await page.getByRole("link", { name: "/docs" }).click();
	for (const [operation, body] of [
		["getStatus", '"startedAt"'],
		["listConnections", '"api.example.com"'],
	] as const) {
		const response = await execute(page, operation);
		expect(response).toMatchObject({ status: "200", url: expect.stringContaining(`${origin}/v1/`) });
		expect(response.body).toContain(body);
	}
	expect({ errors, foreign }).toEqual({ errors: [], foreign: [] });
	await page.close();
});

test.runIf(isAble)("the page sends the given token", async () => {
	const page = await browser.newPage();
	await page.goto(`${origin}/docs`);
	expect(await execute(page, "putPolicy")).toMatchObject({ status: "401" });
	await page.getByRole("button", { name: "Authorize" }).click();
	await page.locator(".auth-container input").fill(TOKEN);
	await page.getByRole("button", { name: "Apply credentials" }).click();
	await page.getByRole("button", { name: "Close" }).click();
	await page.locator('.opblock[id$="-putPolicy"]').getByRole("button", { name: "Clear" }).click();
	expect(await execute(page, "putPolicy")).toMatchObject({ status: "200" });
	expect(services.loads).toEqual(["version: 1\nmode: observe"]);
	await page.close();
});
