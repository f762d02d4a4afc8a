/** nftables rules for single rows. */
import { nft as filter } from "../support/nft.ts";
import type { Fixture } from "./fixture.ts";

/** Adds a table `sallyport_test` with these rules to one of the two namespaces. The returned function removes it. */
export function nft(fixture: Fixture, where: "client" | "server", rules: string): () => void {
	return filter(fixture.stage.world.network, where, rules);
}

/** Drops the queries to the real resolver, whose answers would arrive first. */
export function noAnswers(fixture: Fixture): () => void {
	const chain = "add chain ip sallyport_test in { type filter hook input priority 0; }";
	return nft(fixture, "server", `${chain}; add rule ip sallyport_test in udp dport 53 drop`);
}
