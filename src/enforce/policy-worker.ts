/**
 * The thread that parses, checks and compiles policies. A large policy takes most of a second, too long for the loop
 * that drains the ring.
 */
import { parentPort } from "node:worker_threads";
import { Users } from "../identity/users.ts";
import { buildPolicy, checkPolicy } from "./build-policy.ts";
import { pack, transferable } from "./packed-policy.ts";
import { hostEnvironment } from "./policy-environment.ts";
import type { FromPolicyWorker, ToPolicyWorker } from "./policy-thread.ts";

const port = parentPort;
if (port === null) throw new Error("policy-worker.ts runs in a worker");

port.on("message", (asked: ToPolicyWorker) => {
	const users = new Users();
	const environment = hostEnvironment({ ...asked.lists, uidOf: users.uidOf.bind(users) });
	if (asked.type === "check") {
		port.postMessage(checkPolicy(asked.text, asked.source, environment) satisfies FromPolicyWorker["check"]);
		return;
	}
	const built = buildPolicy(asked.request, environment);
	if (!built.ok) {
		port.postMessage(built satisfies FromPolicyWorker["build"]);
		return;
	}
	const packed = { ...built, policy: pack(built.policy) } satisfies FromPolicyWorker["build"];
	port.postMessage(packed, transferable(packed.policy, packed.rows));
});
