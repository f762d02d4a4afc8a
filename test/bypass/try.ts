import { runRow } from "./runner.ts";
import { Scene } from "./scene.ts";
const [file = "", key = "", only = ""] = process.argv.slice(2);
const rows = ((await import(file)) as any)[key] as any[];
const scene = await Scene.make();
try {
	let n = 1;
	for (const row of rows) {
		n++;
		if (only && !new RegExp(only).test(row.id)) continue;
		const t = performance.now();
		try {
			const o = await runRow(scene, row, n);
			console.log(`${o.held ? "ok  " : "OPEN"} ${row.kind} ${row.id.padEnd(5)} ${row.title.padEnd(70).slice(0, 70)} ${String(o.arrived).padStart(6)} | ${o.recorded} | ${o.told} ${(performance.now() - t).toFixed(0)}`);
		} catch (e) { console.log(`ERR ${row.id} ${e}`); }
	}
} finally { scene.close(); }
