import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

/*
 * Node removes the types from each file whenever it starts: 1.3 s and 30 MB that stay. With the cache both are gone from the second
 * start on. It lies beside the code, with the code's owner: in a folder that others can write to they could leave theirs.
 * So the rest is imported only now.
 */
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/sallyport", import.meta.url)));
process.title = "sallyport";
const { runCommand } = await import("./command.ts");
process.exitCode = await runCommand(process.argv.slice(2));
