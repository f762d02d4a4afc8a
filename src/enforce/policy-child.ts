/**
 * The process that parses, checks and compiles one policy: a request on standard input, the answer on standard output.
 * A process can be given a limit of memory, and its end does not end the daemon.
 */
import { writeFileSync, writeSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { deserialize } from "node:v8";
import { Users } from "../identity/users.ts";
import { type Built, buildPolicy, checkPolicy, layerPolicy } from "./build-policy.ts";
import { pack, unpack } from "./packed-policy.ts";
import { hostEnvironment } from "./policy-environment.ts";
import { type FromPolicyChild, frame, READING, type ToPolicyChild } from "./policy-messages.ts";

/* If the unit runs out of memory nevertheless, the kernel ends this process and not the daemon. */
try {
	writeFileSync("/proc/self/oom_score_adj", "1000");
} catch {
	/* /proc is read-only in some containers. */
}

const asked = deserialize(await buffer(process.stdin)) as ToPolicyChild;
const users = new Users();
for (const part of answer()) process.stdout.write(part);

function answer(): Uint8Array[] {
	if (asked.type === "layer") {
		const { policy, ...request } = asked.request;
		return answerBuilt(layerPolicy({ ...request, policy: unpack(policy) }));
	}
	/* Not through process.stderr: the line must be out before a read that may never end. */
	const reading = (path: string) => void writeSync(2, `${READING}${path}\n`);
	const environment = hostEnvironment({ ...asked.lists, uidOf: users.uidOf.bind(users), reading });
	if (asked.type === "build") return answerBuilt(buildPolicy(asked.request, environment));
	return frame(checkPolicy(asked.text, asked.source, environment) satisfies FromPolicyChild["check"]);
}

function answerBuilt(built: Built): Uint8Array[] {
	if (!built.ok) return frame(built satisfies FromPolicyChild["build"]);
	const { rows, ...rest } = built;
	return frame({ ...rest, policy: pack(built.policy) } satisfies FromPolicyChild["build"], rows);
}
