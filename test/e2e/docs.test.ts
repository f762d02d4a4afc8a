/**
 * Runs every command of README.md and docs/ against a real daemon, in the order of its page. The commands run in the client's
 * network namespace, in their own directory, with `sallyport` limited to the test's cgroup. The output is compared with the
 * page where it is reproducible: see `differences`.
 */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OWN_CAPTURES } from "../captures/own.ts";
import { POLICY, ZONE } from "../demo/network.ts";
import { commands } from "../support/doc-pages.ts";
import { failures, get, PROGRAMS, type Site } from "../support/doc-runner.ts";
import { ROOT } from "../support/paths.ts";
import { Stage } from "../support/stage.ts";

let stage: Stage;
let site: Site;

beforeAll(async () => {
	stage = await Stage.make(POLICY);
	await stage.world.server.zone({ ...ZONE, "host.example": [{ type: "A", data: "127.0.0.1" }] });
	const folder = join(stage.world.folder, "docs");
	const etc = join(folder, "etc");
	site = { stage, folder, etc, someId: 0 };
	for (const each of ["", "bin", "etc", "scripts"]) mkdirSync(join(folder, each));
	for (const each of [join(folder, "policy.yaml"), join(etc, "policy.yaml")]) writeFileSync(each, POLICY);
	writeFileSync(join(folder, "wrong.yaml"), WRONG);
	copyFileSync(join(OWN_CAPTURES, "visit.pcap"), join(folder, "capture.pcap"));
	program("sallyport", sallyport());
	program("curl", 'exec /usr/bin/curl --fail-with-body "$@"');
	symlinkSync("../bin/sallyport", join(folder, "scripts/sallyport"));
	await get(site, "https://api.model.example/");
	await get(site, "https://paste.evil.example/");
	await stage.record({ name: "paste.evil.example", kind: "connection", phase: "tls", open: false });
	const denied = "/v1/connections?name=paste.evil.example&kind=connection&phase=tls&limit=1";
	const { connections } = await stage.daemon.get<{ connections: { id: number }[] }>(denied);
	site = { ...site, someId: connections[0]?.id ?? 0 };
});
afterAll(() => stage?.close());

const PAGES = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`)].filter((name) =>
	name.endsWith(".md"),
);

test.each(PAGES)("%s: its commands do what it says", { timeout: 240_000 }, async (page) => {
	expect(await failures(site, page, readFileSync(join(ROOT, page), "utf8"))).toEqual([]);
});

test("the task pages have commands", () => {
	for (const page of ["README.md", "docs/see.md", "docs/ask.md", "docs/scrape.md", "docs/cli.md", "docs/api.md"])
		expect(commands(page, readFileSync(join(ROOT, page), "utf8"), PROGRAMS).length, page).toBeGreaterThan(2);
});

test("a failing or unknown command is reported with its position", { timeout: 120_000 }, async () => {
	const page = `text
\`\`\`console
# sallyport conections
# sallyport top --by nothing --once
$ sallyport connections --limit 1
NOT THE HEADER
$ curl -sS --unix-socket /run/sallyport/sallyport.sock http://localhost/v1/nothing
# reboot now
# npm run nothing
# printf x > /var/x
# sallyport observe --nothing
$ sallyport status
daemon   x
bogus    y
\`\`\`
`;
	const found = await failures(site, "page.md", page);
	expect(found.map((each) => each.split(": ")[0])).toEqual([3, 4, 5, 7, 8, 9, 10, 11, 12].map((n) => `page.md:${n}`));
});

/** The third key of `to` is misspelled, as README.md shows. */
const WRONG = `version: 1
groups:
  - name: base
    rules:
      - name: web
        action: allow
        to: { prot: tcp, ports: 443 }
`;

function program(name: string, script: string): void {
	writeFileSync(join(site.folder, "bin", name), `#!/bin/bash\n${script}\n`);
	chmodSync(join(site.folder, "bin", name), 0o755);
}

/** The repository's launcher. The script replaces the default paths of commands by those of the test. */
function sallyport(): string {
	const { pins, cgroup } = stage.world;
	const own = (name: string) => join(site.folder, name);
	const real = join(ROOT, "scripts/sallyport");
	const run = `--cgroup ${cgroup.path} --pins ${join(dirname(pins), "docs")} --socket ${own("run.sock")} --runtime-dir ${own("run")}`;
	return `case "$1 $2" in
"run "*) exec ${real} run ${run} --state-dir ${own("state")} --on-exit open --policy ${join(site.etc, "policy.yaml")} "\${@:2}" ;;
"observe "*) exec ${real} observe --cgroup ${cgroup.path} --pins ${join(dirname(pins), "observe")} "\${@:2}" ;;
connections* | top* | names* | stream* | status* | "policy explain" | "policy show" | "policy diff" | "policy apply")
	exec ${real} "$@" --socket ${stage.daemon.socket} ;;
*) exec ${real} "$@" ;;
esac`;
}
