/** The `--help` of each npm script, and the words that its options accept. Nothing here needs an installed package. */
import { readdirSync } from "node:fs";
import { ROOT } from "./command.mjs";

/** Debian's kernels that guests boot. */
export const KERNELS = ["6.1", "6.12"];

export const GOALS = ["P1", "P2", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P12"];

/** Each has a fuzzer, a C file of its name. */
export const PARSERS = namesIn("test/fuzz", ".c");

/** Checks of the installed service; each is a file of its name. */
export const ROWS = namesIn("test/vm/guest/rows", ".mjs");

/** Parts of a guest's second boot, in their order: parts of test/vm/guest/checks.mjs and rows. */
export const GUEST_PARTS = ["service", "memory", "disk", "clock", "who"];

/** Parts in a container, in their order. */
export const CONTAINER_PARTS = [
	...["install", "service", "memory", "disk", "who", "resolved"],
	...["resolvers", "boot-names", "credentials", "userdata", "rpm"],
];

const CACHE = "Debian's packages are cached in $SALLYPORT_VM_CACHE, by default ~/.cache/sallyport-vm.";

/** @type {Record<string, string>} */
export const HELP = {
	start: `
npm start [-- OPTIONS]     shows every outbound connection of this host as it happens, and blocks nothing (sallyport observe)

Needs root. Installs and builds what is missing first. man/sallyport.1 has the options of \`sallyport observe\`; after the
set-up \`npm start -- --help\` prints them. \`npm --silent start\` keeps npm's own lines off standard output.
`,
	demo: `
npm run demo     real clients under a real policy, in ten seconds

Needs root. Makes its own cgroup, network namespaces, DNS server and TLS servers, and removes them.
Ends with 1 if an attempt did not end as the policy says.
`,
	build: `
npm run build     the BPF object and the addon that embeds it: native/build/Release/sallyport.node
`,
	test: `
npm test [-- PATHS or OPTIONS of vitest]     type check, lint, and the tests unit, native, bpf, e2e and bypass

  test/e2e/names.test.ts         only these files, of any level, without type check and lint
  test/e2e/names.test.ts -t curl only tests whose name contains "curl"
  --project unit                 only one project of vitest.config.ts

Without root, BTF or the rights to load programs it runs the rest and reports what it left out; with CI=true that is a failure.
`,
	"test:all": `
npm run test:all     npm test, and then what npm run test:rest runs

Needs root.
`,
	"test:rest": `
npm run test:rest     the tests that npm test leaves out: corpus, fuzz, and the package in a guest with Linux 6.1

Needs root. ${CACHE}
`,
	"test:bypass": `
npm run test:bypass [-- ROWS]     every known way around the policy, tried with real sockets, and its result

  S7 N14    only rows whose ids begin with one of these
  -S10      all rows but these

Needs root. Ends with 1 if a denied byte got out or something allowed did not, unless test/bypass/known.ts lists it.
`,
	"test:corpus": `
npm run test:corpus [-- TEXT]     captures made by others, through the parsers in the kernel and in user space

  TEXT    only captures whose file name contains it

Needs root. $SALLYPORT_CORPUS is the folder with manifest.jsonl and the captures, by default ../shared/corpus.
Ends with 1 if a parser disagrees with the manifest.
`,
	"test:vm": `
npm run test:vm [-- OPTIONS]     the package in a guest: Debian with systemd under QEMU, from installation to removal

  --kernel 6.1     ${oneOf(KERNELS)}; may be given twice
  --quick          only installation and boot
  --only PART      installation, boot and this part: ${GUEST_PARTS.join(", ")};
                   or ${without(GUEST_PARTS)}; may be given twice
  --suite SUITE    instead, tests of the tree, in one guest for each kernel: bypass, "bypass S7" (some rows),
                   e2e, e2e/names.test.ts; may be given twice

Needs root. Kernels and image are Debian's. ${CACHE}
`,
	"test:spawn": `
npm run test:spawn [-- OPTIONS]     the service on this machine's kernel, in a container of Debian with systemd

  --only PART       only this part: ${CONTAINER_PARTS.slice(0, 6).join(", ")},
                    ${CONTAINER_PARTS.slice(6).join(", ")};
                    or ${without(CONTAINER_PARTS)}; may be given twice
  --minutes N       duration of the part "soak", by default 30
  --memory BYTES    limit of the container
  --cpus N          limit of the container

Needs root. ${CACHE}
`,
	"test:arm64": `
npm run test:arm64     the package for arm64 on Debian's arm64 kernel, emulated: its Node starts, the kernel loads the
                       programs, and they decide; no systemd

${CACHE}
`,
	fuzz: `
npm run fuzz [-- OPTIONS]     libFuzzer on the parsers, built with sanitizers; findings are kept in test/fuzz/found

  --seconds N      for each parser, by default 30
  --runs N         instead: number of inputs for each parser
  --parser NAME    only this one: ${PARSERS.join(", ")}
`,
	bench: `
npm run bench [-- OPTIONS]     the cost of Sallyport against its goals, in about ten minutes

  --only P1,P4    only these goals: ${GOALS.join(" ")}
  --quick         shorter and less certain
  --json FILE     also writes the rows, and the machine, to FILE

Needs root.
`,
	"bpf:stats": `
npm run bpf:stats [-- OPTIONS]     what the verifier and the JIT report for each program, on this kernel

  --kernel 6.1     instead in a guest: ${oneOf(KERNELS)}; may be given twice

Needs root. Ends with 1 if a program exceeds its bounds or is not loaded.
`,
	package: `
npm run package [-- OPTIONS] [deb] [rpm] [tar]     packages with their own Node and addon, the same bytes each time

  --arch arm64    for this architecture instead of the machine's own
  --version V     instead of the version in package.json
  --out DIR       by default build/packages
  --quick         uncompressed, for tests
`,
	lint: `
npm run lint     biome over TypeScript, JavaScript and JSON, clang-format over C and C++, shellcheck over shell scripts
`,
	typecheck: `
npm run typecheck     tsc over src, test and scripts, JavaScript included
`,
	format: `
npm run format     rewrites files as npm run lint expects them
`,
};

/** @param {string} folder @param {string} extension */
function namesIn(folder, extension) {
	const files = readdirSync(`${ROOT}/${folder}`).filter((file) => file.endsWith(extension));
	return files.map((file) => file.slice(0, -extension.length)).sort();
}

/** @param {string[]} words */
function oneOf(words) {
	return words.join(" or ");
}

/** Rows that are not among the parts. @param {string[]} parts */
function without(parts) {
	return ROWS.filter((row) => !parts.includes(row)).join(", ");
}
