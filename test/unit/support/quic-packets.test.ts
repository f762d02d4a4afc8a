/** The builder of QUIC packets against the samples of RFC 9001 appendix A and RFC 9369 appendix A. */
import { expect, test } from "vitest";
import { clientKeys, crypto, DCID, initial, QUIC1, QUIC2 } from "../../support/quic-packets.ts";

const HELLO = Buffer.from(
	"010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c000000010000e0000" +
		"0b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e0005000501000000000033002600" +
		"24001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306" +
		"030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075" +
		"300901100f088394c8f03e51570806048000ffff",
	"hex",
);

test.each([
	[QUIC1, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2"],
	[QUIC2, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f", "45b95e15235d6f45a6b19cbcb0294ba9"],
])("keys of version %i (A.1)", (version, key, iv, hp) => {
	const keys = clientKeys(version, DCID);
	expect([keys.key.toString("hex"), keys.iv.toString("hex"), keys.hp.toString("hex")]).toEqual([key, iv, hp]);
});

test.each([
	[QUIC1, "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11", "e221af44860018ab0856972e194cd934"],
	[QUIC2, "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485", "a18b2faa745b6fe189cf772a9f84cbfc"],
])("client Initial of version %i (A.2): beginning and tag", (version, head, tag) => {
	const packet = initial({ version, frames: crypto(0, HELLO), number: 2 });
	expect(packet.length).toBe(1200);
	expect(packet.subarray(0, 32).toString("hex")).toBe(head);
	expect(packet.subarray(-16).toString("hex")).toBe(tag);
});
