/** A thread that checks one policy and ends: a large one takes seconds, which the ring cannot wait. */
import { parentPort, workerData } from "node:worker_threads";
import { Users } from "../identity/users.ts";
import { checkPolicyText } from "./check-policy.ts";
import { hostEnvironment } from "./policy-environment.ts";

const { text, source, folder } = workerData as { text: string; source: string; folder: string | null };
const users = new Users();
const environment = hostEnvironment({ folder: folder ?? "/", within: folder, uidOf: users.uidOf.bind(users) });
parentPort?.postMessage(checkPolicyText(text, source, environment));
