/** Packet filters for what a row needs. */
import { nft as filter } from "../support/nft.ts";
import type { Scene } from "./scene.ts";

/** nft rules in a table `trick` of one of the two namespaces; gone when the returned function is called. */
export function nft(scene: Scene, where: "client" | "server", rules: string): () => void {
	return filter(scene.stage.world.network, where, rules);
}

/** The resolver's own answers would come first: it is not asked. */
export function noAnswers(scene: Scene): () => void {
	const chain = "add chain ip trick in { type filter hook input priority 0; }";
	return nft(scene, "server", `${chain}; add rule ip trick in udp dport 53 drop`);
}
