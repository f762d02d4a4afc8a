/** The host's resolvers: from its files, from links whose target does not exist yet, and from the previous boot. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addressText } from "../../../src/base/address.ts";
import { jsonLogger } from "../../../src/base/logger.ts";
import { bootSources, type ResolverSources, rememberResolvers } from "../../../src/enforce/host-resolvers.ts";
import { trustedResolvers } from "../../../src/enforce/resolvers.ts";
import { searchSuffixes } from "../../../src/enforce/search-suffixes.ts";

const ETC = "/etc/resolv.conf";
const UPLINKS = "/run/systemd/resolve/resolv.conf";
const STUB = "/run/systemd/resolve/stub-resolv.conf";

interface Host {
	readonly files?: Readonly<Record<string, string>>;
	readonly link?: string;
	readonly runs?: boolean;
	readonly remembered?: readonly string[];
}

const sourcesOf = ({ files = {}, link, runs = false, remembered = [] }: Host): ResolverSources => ({
	read: (path) => files[path] ?? null,
	linkOf: (path) => (path === ETC ? (link ?? null) : null),
	resolvedRuns: () => runs,
	remembered: () => remembered,
});

const trusted = (host: Host, policy: string[] = []) =>
	[...trustedResolvers(policy, sourcesOf(host))].map(addressText).sort();

test("resolv.conf, systemd-resolved's, the policy's; without a nameserver the local machine", () => {
	expect(trusted({ files: { [ETC]: "# x\nnameserver 10.0.0.2\n nameserver fe80::1%eth0 \nsearch a\n" } })).toEqual([
		"10.0.0.2",
		"fe80::1",
	]);
	expect(trusted({}, ["192.0.2.53", "nonsense"])).toEqual(["127.0.0.1", "192.0.2.53", "::1"]);
	const files = { [ETC]: "nameserver 127.0.0.53", [UPLINKS]: "nameserver 10.1.1.1" };
	expect(trusted({ files, runs: true })).toEqual(["10.1.1.1", "127.0.0.53", "127.0.0.54"]);
});

const remembered = ["10.0.0.2", "2001:db8::2"];
const WITH_STUB = ["10.0.0.2", "127.0.0.53", "127.0.0.54", "2001:db8::2"];
test.each<[what: string, host: Host, addresses: string[]]>([
	["a link to systemd-resolved's, which has not started", { link: STUB }, [...WITH_STUB, "127.0.0.1", "::1"]],
	["the same to its uplinks", { link: UPLINKS }, [...WITH_STUB, "127.0.0.1", "::1"]],
	["a link to somebody else's", { link: "/run/x/resolv.conf" }, ["10.0.0.2", "127.0.0.1", "2001:db8::2", "::1"]],
	["a file that names the stub, which has not started", { files: { [ETC]: "nameserver 127.0.0.53" } }, WITH_STUB],
	["a file that names a server", { files: { [ETC]: "nameserver 10.9.9.9" } }, ["10.9.9.9"]],
	[
		"a link to what is there",
		{ link: STUB, runs: true, files: { [ETC]: "nameserver 127.0.0.53", [UPLINKS]: "nameserver 10.9.9.9" } },
		["10.9.9.9", "127.0.0.53", "127.0.0.54"],
	],
	["no file and no link", {}, ["127.0.0.1", "::1"]],
])("before the network, %s", (_, host, addresses) => {
	expect(trusted({ remembered, ...host })).toEqual([...addresses].sort());
});

let folder: string;
let logged: string[];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	logged = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The resolvers that the next boot remembers after the daemon has read these files. */
function afterwards(files: Readonly<Record<string, string>>): readonly string[] {
	const read = (path: string) => {
		if (path === ETC || path === UPLINKS) return files[path] ?? null;
		try {
			return readFileSync(path, "utf8");
		} catch {
			return null;
		}
	};
	const sources = { ...sourcesOf({}), read };
	const log = jsonLogger((line) => void logged.push(line));
	rememberResolvers(join(folder, "state"), log, sources);
	return bootSources(join(folder, "state"), sources).remembered();
}

test("the files' servers are stored for the next boot; files that name only this host do not replace them", () => {
	expect(afterwards({})).toEqual([]);
	const both = { [ETC]: "nameserver 127.0.0.53", [UPLINKS]: "nameserver 10.0.0.2\nnameserver ::1" };
	expect(afterwards(both)).toEqual(["10.0.0.2"]);
	expect(afterwards({ [ETC]: "nameserver 127.0.0.53", [UPLINKS]: "# no network\n" })).toEqual(["10.0.0.2"]);
	expect(afterwards({ [ETC]: "nameserver 10.9.9.9" })).toEqual(["10.9.9.9"]);
	expect(logged).toEqual([]);
});

test("a failure to store them is logged and has no other effect", () => {
	writeFileSync(join(folder, "state"), "no folder");
	expect(afterwards({ [ETC]: "nameserver 10.9.9.9" })).toEqual([]);
	expect(logged.join("")).toContain("for the next boot");
});

test("the suffixes of the last search or domain line, and those of Kubernetes; what is no suffix is left out", () => {
	const suffixes = (text: string) =>
		[...searchSuffixes(["a.test"], sourcesOf({ files: { [ETC]: text } }))].slice(0, -3);
	expect(suffixes("domain x.test\nsearch Corp.Test. eu.corp.test . 10.0.0.1\n")).toEqual([
		"a.test",
		"corp.test",
		"eu.corp.test",
	]);
	expect(suffixes("search corp.test\ndomain x.test y.test")).toEqual(["a.test", "x.test"]);
	expect(suffixes("")).toEqual(["a.test"]);
});
