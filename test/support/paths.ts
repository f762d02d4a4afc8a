import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");
/** The project's Node 24, whichever version runs the tests. */
export const NODE = join(ROOT, "node_modules/.bin/node");
export const DNS_CLIENT = join(import.meta.dirname, "clients/dns-client.ts");
export const TLS_CLIENT = join(import.meta.dirname, "clients/tls-client.ts");
