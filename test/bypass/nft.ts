/** Packet filters for what a row needs: losses, rewritten destinations. */
import { must } from "../support/run.ts";
import type { Scene } from "./scene.ts";

/** nft rules in a table `trick` of one of the two namespaces; gone when the returned function is called. */
export function nft(scene: Scene, where: "client" | "server", rules: string): () => void {
	const netns = `--net=/run/netns/${scene.stage.world.network[where]}`;
	must("nsenter", netns, "nft", `add table ip trick; ${rules}`);
	return () => void must("nsenter", netns, "nft", "delete table ip trick");
}
