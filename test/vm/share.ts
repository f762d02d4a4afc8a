/** The folder that a guest or a container gets from the host: checks, pages of the documentation, two versions of the package. */
import { execFileSync } from "node:child_process";
import { cpSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../support/paths.ts";

const PAGES = ["service.md", "ec2.md"];
const VERSIONS = ["0.1.0", "0.1.1"];

/** Folder of Debian's packages, kernels and images. */
export const CACHE = process.env["SALLYPORT_VM_CACHE"] ?? join(homedir(), ".cache/sallyport-vm");

/** Command in the guest, with the folder at /mnt/host. The copy of Node runs the checks over upgrade and removal. */
export const INSTALL = `dpkg -i /mnt/host/sallyport_${VERSIONS[0]}_amd64.deb | tail -1 && cp /usr/lib/sallyport/node /opt/node`;

export function fillShare(share: string, kinds: readonly ("deb" | "rpm")[] = ["deb"]): void {
	cpSync(join(import.meta.dirname, "guest"), join(share, "guest"), { recursive: true });
	for (const page of PAGES) cpSync(join(ROOT, "docs", page), join(share, "docs", page));
	for (const version of VERSIONS) {
		const args = ["scripts/package/package.ts", "--quick", "--out", share, "--version", version, ...kinds];
		execFileSync(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
	}
}
