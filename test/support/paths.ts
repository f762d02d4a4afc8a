import { join } from "node:path";
import { NODE_FLAGS } from "../../scripts/command.mjs";

export const ROOT = join(import.meta.dirname, "../..");
/** The project's Node 24, whichever version runs the tests. */
export const NODE = join(ROOT, "node_modules/.bin/node");
/** The beginning of a command that runs a program with it. */
export const NODE_COMMAND: readonly [string, ...string[]] = [NODE, ...NODE_FLAGS];
export const DNS_STUB = join(import.meta.dirname, "clients/dns-stub.ts");
export const DNS_CLIENT = join(import.meta.dirname, "clients/dns-client.ts");
export const TLS_CLIENT = join(import.meta.dirname, "clients/tls-client.ts");
