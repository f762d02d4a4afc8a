/** Link types by their numbers in https://www.tcpdump.org/linktypes.html. */
import { type Carried, readEthernet, readIp, readLlc, readTyped } from "./frames.ts";
import { readNflog, readPpi, readRadiotap } from "./link-headers.ts";
import { readPpp } from "./ppp.ts";
import { readWifi } from "./wifi.ts";

/** Reads a captured frame. False: the link type is not supported. */
export function readLink(linkType: number, bytes: Buffer, carried: Carried): boolean {
	const read = LINKS[linkType];
	if (read === undefined) return false;
	read(bytes, carried);
	return true;
}

type Read = (bytes: Buffer, carried: Carried) => void;

/** IP behind a header of `header` bytes. */
const ipBehind =
	(header: number): Read =>
	(bytes, carried) =>
		readIp(bytes.subarray(header), carried);

/** A header of `header` bytes with the EtherType at `at`. */
const typedBehind =
	(header: number, at: number): Read =>
	(bytes, carried) => {
		if (bytes.length >= header) readTyped(bytes.readUInt16BE(at), bytes.subarray(header), carried);
	};

const wifiBehind =
	(headerOf: (bytes: Buffer) => { readonly length: number; readonly padded?: boolean } | null): Read =>
	(bytes, carried) => {
		const header = headerOf(bytes);
		if (header !== null) readWifi(bytes.subarray(header.length), carried, header.padded === true);
	};

const LINKS: Readonly<Record<number, Read>> = {
	0: ipBehind(4), // NULL
	1: readEthernet,
	9: readPpp,
	10: (bytes, carried) => readLlc(bytes.subarray(13), carried), // FDDI
	12: ipBehind(0), // RAW, by the numbers of OpenBSD and others
	14: ipBehind(0),
	50: readPpp, // PPP_HDLC
	51: (bytes, carried) => carried(0x8864, bytes), // PPP_ETHER
	100: readLlc, // ATM_RFC1483
	101: ipBehind(0), // RAW
	104: typedBehind(4, 2), // C_HDLC
	105: readWifi, // IEEE802_11
	108: ipBehind(4), // LOOP
	109: ipBehind(12), // ENC
	113: typedBehind(16, 14), // LINUX_SLL
	117: (bytes, carried) => readIp(bytes.subarray(bytes.length === 0 ? 0 : (bytes.readUInt8(0) + 3) & ~3), carried), // PFLOG
	119: wifiBehind(() => ({ length: 144 })), // PRISM_HEADER
	127: wifiBehind(readRadiotap),
	163: wifiBehind((bytes) => (bytes.length < 8 ? null : { length: bytes.readUInt32BE(4) })), // IEEE802_11_AVS
	166: (bytes, carried) => readPpp(bytes.subarray(2), carried), // PPP_PPPD: direction, address
	192: (bytes, carried) => {
		const inner = readPpi(bytes);
		if (inner !== null && inner.linkType !== 192) readLink(inner.linkType, inner.bytes, carried);
	},
	204: (bytes, carried) => readPpp(bytes.subarray(1), carried), // PPP_WITH_DIR
	228: ipBehind(0), // IPV4
	229: ipBehind(0), // IPV6
	239: (bytes, carried) => readIp(readNflog(bytes), carried),
	240: (bytes, carried) => readEthernet(bytes.subarray(4), carried), // NETANALYZER
	274: (bytes, carried) => readEthernet(bytes.subarray(8), carried), // ETHERNET_MPACKET
	276: typedBehind(20, 0), // LINUX_SLL2
};
