/** `node test/captures/make.ts` rewrites the captures. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { OWN_CAPTURES, ownCaptures } from "./own.ts";

const made = ownCaptures();
for (const { file, bytes } of made) writeFileSync(join(OWN_CAPTURES, file), bytes);
writeFileSync(join(OWN_CAPTURES, "manifest.jsonl"), made.map(({ row }) => `${JSON.stringify(row)}\n`).join(""));
