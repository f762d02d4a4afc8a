/** nftables rules in one of the two namespaces, for packet loss and rewritten destinations. */
import type { Network } from "./netns.ts";
import { must } from "./run.ts";

/** Adds a table `sallyport_test` with these rules. The returned function removes it. */
export function nft(network: Network, where: "client" | "server", rules: string): () => void {
	const netns = `--net=/run/netns/${network[where]}`;
	must("nsenter", netns, "nft", `add table ip sallyport_test; ${rules}`);
	return () => void must("nsenter", netns, "nft", "delete table ip sallyport_test");
}
