/** systemd-resolved's Monitor interface, against a server with the same protocol. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addressText } from "../../../src/base/address.ts";
import { answersOf, watchResolved } from "../../../src/daemon/resolved-names.ts";
import type { AnswerRecord } from "../../../src/records/contract.ts";
import { until } from "../../support/run.ts";

const LOG = { debug() {}, info() {}, warn() {}, error() {} };
/** In the format of systemd 252. */
const RESULT = {
	state: "success",
	question: [
		{ class: 1, type: 1, name: "API.example.com" },
		{ class: 1, type: 28, name: "API.example.com" },
	],
	answer: [
		{ rr: { key: { class: 1, type: 5, name: "api.example.com" }, name: "edge.example.net" }, raw: "AA==", ifindex: 2 },
		{ rr: { key: { class: 1, type: 1, name: "edge.example.net" }, address: [192, 0, 2, 7] }, raw: "AA==", ifindex: 2 },
		{
			rr: {
				key: { class: 1, type: 28, name: "edge.example.net" },
				address: [32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
			},
			raw: "AA==",
			ifindex: 2,
		},
	],
};

let folder: string;
let server: Server;
let sockets: Socket[];
let requests: string[];
let serve: (socket: Socket) => void;
beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "resolved-"));
	sockets = [];
	requests = [];
	serve = () => {};
	server = createServer((socket) => {
		sockets.push(socket);
		socket.on("error", () => {});
		socket.on("data", (data) => {
			requests.push(data.toString());
			serve(socket);
		});
	});
	await new Promise<void>((resolve) => server.listen(join(folder, "monitor"), resolve));
});
afterEach(() => {
	for (const socket of sockets) socket.destroy();
	server.close();
	rmSync(folder, { recursive: true });
});

const reply = (parameters: object, continues = true) => `${JSON.stringify({ parameters, continues })}\0`;

function watch(socket = "monitor"): { answers: AnswerRecord[]; close: () => void } {
	const answers: AnswerRecord[] = [];
	const close = watchResolved({
		socket: join(folder, socket),
		proxy: join(folder, "monitor"),
		answered: (answer) => answers.push(answer),
		now: () => 1_000,
		log: LOG,
		retry: 20,
	});
	return { answers, close };
}

test("requests are valid varlink, and responses may arrive split or joined", async () => {
	serve = (socket) => {
		const bytes = Buffer.from(
			reply({ ready: true }) + reply(RESULT) + reply({ ...RESULT, state: "rcode-failure" }) + reply(RESULT),
		);
		socket.write(bytes.subarray(0, 50));
		setTimeout(() => socket.write(bytes.subarray(50)), 10);
	};
	const { answers, close } = watch();
	await until("answers", 2_000, () => answers.length >= 4);
	close();
	expect(requests).toEqual([
		'{"method":"io.systemd.Resolve.Monitor.SubscribeQueryResults","parameters":{},"more":true}\0',
	]);
	expect(answers.map(({ name, address }) => `${name} ${addressText(address)}`)).toEqual([
		"api.example.com 192.0.2.7",
		"api.example.com 2001:db8::7",
		"api.example.com 192.0.2.7",
		"api.example.com 2001:db8::7",
	]);
});

test.each([
	["that refuses", '{"error":"org.varlink.service.PermissionDenied","parameters":{}}\0'],
	["that says what is no JSON", "nonsense\0"],
	["that says nothing sensible", "[1]\0null\0"],
	["that ends", reply(RESULT, false)],
	["that never ends a message", "x".repeat((1 << 20) + 10)],
])("a server %s is asked again later", async (_, text) => {
	serve = (socket) => void socket.write(text);
	const { close } = watch();
	await until("a second try", 2_000, () => requests.length >= 2);
	close();
});

test("without a server it only retries", async () => {
	server.close();
	const { answers, close } = watch();
	await new Promise((resolve) => setTimeout(resolve, 80));
	close();
	expect(answers).toEqual([]);
});

test("a monitor socket for root only is reached through the helper unit", async () => {
	const refusing = createServer((socket) => socket.end());
	await new Promise<void>((resolve) => refusing.listen(join(folder, "refusing"), resolve));
	serve = (socket) => void socket.write(reply(RESULT));
	const { answers, close } = watch("refusing");
	await until("answers", 2_000, () => answers.length >= 2);
	close();
	refusing.close();
});

test("where it does not run the unit is not woken", async () => {
	const { close } = watch("nowhere");
	await new Promise((resolve) => setTimeout(resolve, 80));
	close();
	expect(requests).toEqual([]);
});

test("an address found through aliases belongs to the queried name", () => {
	const [question] = RESULT.question;
	const result = {
		...RESULT,
		question: [{ class: 1, type: 1, name: "edge.example.net" }],
		collectedQuestions: [question, { class: 1, type: 1, name: "middle.example.net" }],
	};
	expect(answersOf(result, 0).map(({ name }) => name)).toEqual(["api.example.com", "api.example.com"]);
});

test("a malformed result adds no names", () => {
	for (const odd of [
		{},
		{ state: "success" },
		{ state: "success", question: "x", answer: 3 },
		{ ...RESULT, question: [{ name: 7, type: 1 }] },
		{ ...RESULT, answer: [null, { rr: null }, { rr: { key: { type: 1, name: "a" }, address: [1, 2, 3] } }] },
		{ ...RESULT, answer: [{ rr: { key: { type: 1, name: "a" }, address: [1, 2, 3, 256] } }] },
		{ ...RESULT, answer: [{ rr: { key: { type: 28, name: "a" }, address: [1, 2, 3, 4] } }] },
	])
		expect(answersOf(odd, 0)).toEqual([]);
});
