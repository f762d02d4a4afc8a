/** Packet filters for what a row needs: losses, rewritten destinations. */
import { must } from "../support/run.ts";
import type { Scene } from "./scene.ts";

/** nft rules in a table `trick` of one of the two namespaces; gone when the returned function is called. */
export function nft(scene: Scene, where: "client" | "server", rules: string): () => void {
	const netns = `--net=/run/netns/${scene.stage.world.network[where]}`;
	must("nsenter", netns, "nft", `add table ip trick; ${rules}`);
	return () => void must("nsenter", netns, "nft", "delete table ip trick");
}

/** The resolver's own answers would come first: it is not asked. */
export function noAnswers(scene: Scene): () => void {
	const chain = "add chain ip trick in { type filter hook input priority 0; }";
	return nft(scene, "server", `${chain}; add rule ip trick in udp dport 53 drop`);
}
