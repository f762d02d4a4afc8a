/** The packages: reproducible, owned by root, and complete. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import packageJson from "../../../package.json" with { type: "json" };
import { isBuilt } from "../../../scripts/build.mjs";
import { able, ableWith } from "../../support/able.ts";

const ROOT = join(import.meta.dirname, "../../..");
const made: string[] = [];
afterAll(() => {
	for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

const isAble =
	able(isBuilt() ? null : "The addon is not built, so the packages are not tested.") && ableWith("dpkg-deb");

/** Paths below /usr that the pages and the units name as parts of the package, each with one file that names it. */
function namedPaths(): Map<string, string> {
	const pages = ["docs", "systemd"].flatMap((folder) =>
		readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`),
	);
	const found = new Map<string, string>();
	for (const page of pages.filter((name) => /\.\w+$/.test(name)))
		for (const [path] of readFileSync(join(ROOT, page), "utf8").matchAll(/\/usr\/[\w/.-]*sallyport[\w/.-]*/g))
			found.set(path.replace(/\.$/, ""), page);
	return found;
}

function make(epoch: string): string {
	const out = mkdtempSync(join(tmpdir(), "sallyport-packages-"));
	made.push(out);
	execFileSync(process.execPath, ["scripts/package/package.ts", "--quick", "--out", out, "deb", "tar"], {
		cwd: ROOT,
		env: { ...process.env, SOURCE_DATE_EPOCH: epoch },
		stdio: "ignore",
	});
	return out;
}

test.runIf(isAble)(
	"two builds are the same bytes; the package starts with its own Node and names its maintainer",
	() => {
		const [one, two] = [make("1700000000"), make("1700000000")];
		const files = readdirSync(one).sort();
		expect(files).toHaveLength(2);
		for (const file of files)
			expect(readFileSync(join(one, file)).equals(readFileSync(join(two, file))), file).toBe(true);

		const deb = join(one, files.find((file) => file.endsWith(".deb")) ?? "");
		const list = execFileSync("dpkg-deb", ["--contents", deb], { encoding: "utf8" }).trim().split("\n");
		expect(list.filter((line) => !/^\S+ root\/root /.test(line))).toEqual([]);
		const packed = list.map((line) => (line.split(" ").at(-1) ?? "").replace(/^\.|\/$/g, ""));
		expect(packed).toEqual(
			expect.arrayContaining(["/etc/sallyport/policy.yaml", "/usr/share/man/man1/sallyport.1.gz"]),
		);
		for (const [path, page] of namedPaths()) expect(packed, `${path}, named by ${page}`).toContain(path);
		expect(execFileSync("dpkg-deb", ["--field", deb, "Depends"], { encoding: "utf8" })).not.toContain("libbpf");

		const field = (name: string) => execFileSync("dpkg-deb", ["--field", deb, name], { encoding: "utf8" }).trim();
		expect([field("Maintainer"), field("Homepage")]).toEqual([packageJson.author, packageJson.homepage]);

		const root = join(one, "root");
		execFileSync("dpkg-deb", ["--extract", deb, root]);
		const changelog = gunzipSync(readFileSync(join(root, "usr/share/doc/sallyport/changelog.gz"))).toString();
		expect(changelog).toMatch(
			new RegExp(`^sallyport \\(${packageJson.version}\\) unstable; urgency=medium\n\n  \\* \\S`),
		);
		expect(changelog).toContain(`\n -- ${packageJson.author}  Tue, 14 Nov 2023 22:13:20 +0000\n`);
		const { stdout: named } = spawnSync("grep", ["-rlF", "--", ROOT, root], { encoding: "utf8" });
		expect(named, "made in another folder they are the same, too").toBe("");
		const [node, main] = ["node", "lib/main.js"].map((file) => join(root, "usr/lib/sallyport", file));
		const env = { PATH: "/usr/bin:/bin" };
		expect(execFileSync(node ?? "", [main ?? "", "--version"], { encoding: "utf8", env })).toMatch(/^\d+\.\d+\.\d+\n$/);
		const addon = "process.stdout.write(require(process.argv[1]).libbpfVersion)";
		const loaded = execFileSync(node ?? "", ["-e", addon, join(root, "usr/lib/sallyport/sallyport.node")], { env });
		expect(loaded.toString()).toMatch(/^1\./);
		const libraries = execFileSync("ldd", [join(root, "usr/lib/sallyport/sallyport.node")], { encoding: "utf8" });
		for (const name of ["libbpf.so.1", "libelf.so.1", "libz.so.1"])
			expect(libraries).toMatch(
				new RegExp(`${name.replaceAll(".", "\\.")} => \\S*/sallyport/${name.replaceAll(".", "\\.")}`),
			);
	},
	300_000,
);
