/** A bpffs and a cgroup for tests of the addon, removed after the test in any case. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAddon } from "../../src/native/addon.ts";
import type { Kernel, LoadOptions } from "../../src/native/binding.ts";
import { Cgroup, PREFIX } from "../support/cgroup.ts";
import { Cleanup } from "../support/cleanup.ts";
import { removeFolder } from "../support/leftovers.ts";

export const addon = openAddon();

export class Scratch {
	readonly cleanup = new Cleanup();
	readonly cgroup: Cgroup;
	readonly pins: string;

	constructor() {
		const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
		this.cleanup.defer(`folder ${folder}`, () => removeFolder(folder));
		this.cgroup = Cgroup.make(this.cleanup);
		addon.mountBpffs(join(folder, "bpf"));
		this.pins = join(folder, "bpf/sallyport");
	}

	load(options: Partial<LoadOptions> = {}): Kernel {
		const kernel = addon.load({ pins: this.pins, cgroup: this.cgroup.path, sizes: {}, ...options });
		this.cleanup.defer("handles", () => kernel.close());
		kernel.attach();
		return kernel;
	}

	close(): void {
		const failures = this.cleanup.run();
		if (failures.length > 0) throw new Error(failures.join("; "));
	}
}
