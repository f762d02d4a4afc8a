/** Packet filters in one of the two namespaces: losses, rewritten destinations. */
import type { Network } from "./netns.ts";
import { must } from "./run.ts";

/** nft rules in a table `sallyport_test`; gone when the returned function is called. */
export function nft(network: Network, where: "client" | "server", rules: string): () => void {
	const netns = `--net=/run/netns/${network[where]}`;
	must("nsenter", netns, "nft", `add table ip sallyport_test; ${rules}`);
	return () => void must("nsenter", netns, "nft", "delete table ip sallyport_test");
}
