/** Packet filters for what a row needs. */
import { nft as filter } from "../support/nft.ts";
import type { Fixture } from "./fixture.ts";

/** nft rules in a table `sallyport_test` of one of the two namespaces; gone when the returned function is called. */
export function nft(fixture: Fixture, where: "client" | "server", rules: string): () => void {
	return filter(fixture.stage.world.network, where, rules);
}

/** The resolver's own answers would come first: it is not asked. */
export function noAnswers(fixture: Fixture): () => void {
	const chain = "add chain ip sallyport_test in { type filter hook input priority 0; }";
	return nft(fixture, "server", `${chain}; add rule ip sallyport_test in udp dport 53 drop`);
}
