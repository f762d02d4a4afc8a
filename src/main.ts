import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

/*
 * Without the compile cache Node strips the types of every file at every start: 1.3 s, and 30 MB that stay. The cache
 * lies beside the code and has its owner: in a world-writable folder others could plant code. The other modules are
 * imported after the cache is enabled.
 */
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/sallyport", import.meta.url)));
process.title = "sallyport";
const { runCommand } = await import("./command.ts");
process.exitCode = await runCommand(process.argv.slice(2));
