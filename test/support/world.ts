/**
 * The environment of a test without the daemon: a temp folder with its own bpffs, a cgroup, the two namespaces, DNS,
 * certificates and compiled clients. `close` removes everything and fails if an object remains.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DNS4, DNS6, ROGUE4 } from "./addresses.ts";
import { type Certificates, makeCertificates } from "./certificates.ts";
import { Cgroup, removeTree } from "./cgroup.ts";
import { Cleanup } from "./cleanup.ts";
import { compileClients } from "./clients.ts";
import { removeFolder, sweep } from "./leftovers.ts";
import { makeNetwork, type Network } from "./netns.ts";
import { must, type Outcome, run } from "./run.ts";
import { cleanEnvironment, type Server, startServer } from "./server.ts";

export class World {
	readonly cleanup = new Cleanup();
	readonly folder: string;
	/** On the test's bpffs: links and programs pinned here are removed with the mount. */
	readonly pins: string;
	readonly cgroup: Cgroup;
	readonly network: Network;
	readonly certificates: Certificates;
	readonly server: Server;
	/** Folder of the compiled C clients. */
	readonly clients: string;

	private constructor() {
		sweep();
		this.folder = mkdtempSync(join(tmpdir(), `sallyport-test-${process.pid}-`));
		this.cleanup.defer(`folder ${this.folder}`, () => removeFolder(this.folder));
		try {
			this.cgroup = Cgroup.make(this.cleanup);
			this.pins = join(mountBpffs(this.folder, this.cleanup), "sallyport");
			this.network = makeNetwork(this.cleanup, this.folder);
			this.certificates = makeCertificates(this.folder);
			this.clients = compileClients(this.folder);
			this.server = startServer(this.network, this.certificates.key, this.certificates.cert, this.cleanup);
		} catch (error) {
			this.cleanup.run();
			throw error;
		}
	}

	static async make(): Promise<World> {
		const world = new World();
		try {
			await world.server.dns([DNS4, DNS6, ROGUE4]);
			return world;
		} catch (error) {
			world.cleanup.run();
			throw error;
		}
	}

	/** argv that runs the command in the client's namespace and in the watched cgroup, or in one below it. */
	argv(argv: readonly string[], below?: string): string[] {
		const cgroup = below === undefined ? this.cgroup : this.cgroup.child(below);
		return cgroup.wrap(this.network.inClient(argv));
	}

	run(
		argv: readonly string[],
		options: { below?: string; timeout?: number; env?: Record<string, string> } = {},
	): Promise<Outcome> {
		return run(this.argv(argv, options.below), {
			env: cleanEnvironment(options.env),
			timeout: options.timeout ?? 30_000,
		});
	}

	/** Removes a cgroup below the watched one, as systemd does when a unit stops. */
	removeBelow(name: string): void {
		removeTree(join(this.cgroup.path, name));
	}

	client(name: string): string {
		return join(this.clients, name);
	}

	close(): void {
		const failures = this.cleanup.run();
		if (failures.length > 0) throw new Error(`not cleaned up: ${failures.join("; ")}`);
	}
}

/** Unmounting removes the pins. A pinned object ends when its last reference is closed. */
export function mountBpffs(folder: string, cleanup: Cleanup): string {
	const path = join(folder, "bpf");
	mkdirSync(path);
	must("mount", "-t", "bpf", "sallyport-test", path);
	cleanup.defer(`bpffs ${path}`, () => {
		rmSync(join(path, "sallyport"), { recursive: true, force: true });
		must("umount", path);
	});
	return path;
}
