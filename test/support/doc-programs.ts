import { chmodSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./paths.ts";
import type { Stage } from "./stage.ts";

/** Writes to `folder/bin` the programs of the pages that need other arguments here. `etc`: stands for /etc/sallyport. */
export function installPrograms(stage: Stage, folder: string, etc: string): void {
	program(folder, "sallyport", sallyport(stage, folder, etc));
	program(folder, "curl", 'exec /usr/bin/curl --fail-with-body "$@"');
}

/** The repository's script, where each command has the world's paths for those that it would take by itself. */
function sallyport(stage: Stage, folder: string, etc: string): string {
	const { pins, cgroup } = stage.world;
	const own = (name: string) => join(folder, name);
	const real = join(ROOT, "scripts/sallyport");
	const run = `--cgroup ${cgroup.path} --pins ${join(dirname(pins), "docs")} --socket ${own("run.sock")} --runtime-dir ${own("run")}`;
	/* The stage's daemon holds the lock of the cgroup, which a second daemon must not see. */
	const alone = 'unshare --mount sh -c \'mount -t tmpfs tmpfs /run/sallyport && exec "$0" "$@"\'';
	return `case "$1 $2" in
"run "*) exec ${alone} ${real} run ${run} --state-dir ${own("state")} --on-exit open --policy ${join(etc, "policy.yaml")} "\${@:2}" ;;
"observe "*) exec ${real} observe --cgroup ${cgroup.path} --pins ${join(dirname(pins), "observe")} "\${@:2}" ;;
connections* | top* | names* | stream* | status* | allow* | deny* | overlays* | revoke* | "policy explain" | "policy show" | "policy diff" | "policy apply")
	exec ${real} "$@" --socket ${stage.daemon.socket} ;;
*) exec ${real} "$@" ;;
esac`;
}

function program(folder: string, name: string, script: string): void {
	writeFileSync(join(folder, "bin", name), `#!/bin/bash\n${script}\n`);
	chmodSync(join(folder, "bin", name), 0o755);
}
