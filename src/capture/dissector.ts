import type { Packed } from "../base/address.ts";
import { Fragments } from "./fragments.ts";
import { type Carried, ETHER_IPV4, ETHER_IPV6, ETHER_TRANSPARENT, readEthernet, readTyped } from "./frames.ts";
import { type IpPayload, readIpv4, readIpv6 } from "./ip.ts";
import { readLink } from "./link.ts";
import type { CapturedPacket } from "./packet.ts";
import { readGre, readMpls, readPppoe, readUdpTunnel } from "./tunnels.ts";

/** The innermost packet of a captured frame. */
interface Transport {
	readonly packet: CapturedPacket;
	readonly source: Packed;
	readonly destination: Packed;
	readonly sourcePort: number;
	readonly destinationPort: number;
	readonly payload: Buffer;
}

export type Datagram = Transport;

export interface Segment extends Transport {
	readonly sequence: number;
	readonly acknowledged: number;
	/** Bytes at the end of the payload that were not captured. */
	readonly missing: number;
	readonly syn: boolean;
	readonly ack: boolean;
	readonly fin: boolean;
	readonly rst: boolean;
}

/** Receives the transport packets. */
export interface Transports {
	readonly segment: (segment: Segment) => void;
	readonly datagram: (datagram: Datagram) => void;
	/** A datagram of which only the first fragments were captured. */
	readonly beginning?: (datagram: Datagram) => void;
}

/** Nested tags and tunnels. Only crafted packets have more. */
const DEPTH_MAX = 32;

/* IANA protocol numbers. */
const IPIP = 4;
const TCP = 6;
const UDP = 17;
const IPV6 = 41;
const GRE = 47;
const ETHERIP = 97;
const MPLS = 137;

/** Decodes captured packets (frames, tags, tunnels, IP, fragments) down to TCP segments and UDP datagrams. */
export class Dissector {
	readonly #to: Transports;
	readonly #fragments = new Fragments();
	/** Number of packets by link type, for types that are not supported. */
	readonly unknownLinks = new Map<number, number>();
	#packet!: CapturedPacket;
	#depth = 0;

	constructor(to: Transports) {
		this.#to = to;
	}

	take(packet: CapturedPacket): void {
		this.#packet = packet;
		this.#depth = 0;
		if (readLink(packet.linkType, packet.bytes, this.#carried)) return;
		this.unknownLinks.set(packet.linkType, (this.unknownLinks.get(packet.linkType) ?? 0) + 1);
	}

	/** Reports incomplete datagrams, at the end of the capture. */
	end(): void {
		for (const { packet, source, destination, protocol, bytes } of this.#fragments.beginnings()) {
			if (protocol !== UDP || bytes.length < 8) continue;
			const [sourcePort, destinationPort] = [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
			const payload = bytes.subarray(8);
			this.#to.beginning?.({ packet, source, destination, sourcePort, destinationPort, payload });
		}
	}

	readonly #carried: Carried = (etherType, bytes) => {
		if (this.#depth >= DEPTH_MAX) return;
		this.#depth++;
		this.#ether(etherType, bytes);
		this.#depth--;
	};

	#ether(etherType: number, bytes: Buffer): void {
		switch (etherType) {
			case ETHER_IPV4:
				this.#ip(readIpv4(this.#packet, bytes));
				return;
			case ETHER_IPV6:
				this.#ip(readIpv6(this.#packet, bytes));
				return;
			case ETHER_TRANSPARENT:
				readEthernet(bytes, this.#carried);
				return;
			case 0x8100: // 802.1Q
			case 0x88a8: // 802.1ad
			case 0x9100: // QinQ before 802.1ad
			case 0x9200:
			case 0x9300:
			case 0x8926: // 802.1BR and VN-Tag have longer tags
			case 0x893f: {
				const tag = etherType === 0x893f ? 8 : etherType === 0x8926 ? 6 : 4;
				if (bytes.length >= tag) readTyped(bytes.readUInt16BE(tag - 2), bytes.subarray(tag), this.#carried);
				return;
			}
			case 0x88e7: // 802.1ah: a service tag in front of a frame
				readEthernet(bytes.subarray(4), this.#carried);
				return;
			case 0x8847:
			case 0x8848:
				readMpls(bytes, this.#carried);
				return;
			case 0x8864:
				readPppoe(bytes, this.#carried);
				return;
		}
	}

	#ip(found: IpPayload | null): void {
		const payload = found === null ? null : this.#fragments.take(found);
		if (payload === null) return;
		const { protocol, bytes } = payload;
		switch (protocol) {
			case TCP:
				this.#tcp(payload);
				return;
			case UDP:
				this.#udp(payload);
				return;
			case IPIP:
				this.#carried(ETHER_IPV4, bytes);
				return;
			case IPV6:
				this.#carried(ETHER_IPV6, bytes);
				return;
			case GRE:
				readGre(bytes, this.#carried);
				return;
			case ETHERIP:
				readEthernet(bytes.subarray(2), this.#carried);
				return;
			case MPLS:
				readMpls(bytes, this.#carried);
				return;
		}
	}

	#tcp({ packet, source, destination, bytes, missing }: IpPayload): void {
		if (bytes.length < 20) return;
		const header = (bytes.readUInt8(12) >> 4) * 4;
		if (header < 20 || header > bytes.length + missing) return;
		const flags = bytes.readUInt8(13);
		this.#to.segment({
			packet,
			source,
			destination,
			sourcePort: bytes.readUInt16BE(0),
			destinationPort: bytes.readUInt16BE(2),
			payload: bytes.subarray(header),
			sequence: bytes.readUInt32BE(4),
			acknowledged: bytes.readUInt32BE(8),
			missing: Math.min(missing, bytes.length + missing - header),
			fin: (flags & 1) !== 0,
			syn: (flags & 2) !== 0,
			rst: (flags & 4) !== 0,
			ack: (flags & 16) !== 0,
		});
	}

	#udp({ packet, source, destination, bytes }: IpPayload): void {
		if (bytes.length < 8) return;
		const [sourcePort, destinationPort] = [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
		const length = bytes.readUInt16BE(4);
		const payload = bytes.subarray(8, length < 8 ? bytes.length : Math.min(length, bytes.length));
		for (const port of [destinationPort, sourcePort]) if (readUdpTunnel(port, payload, this.#carried)) return;
		this.#to.datagram({ packet, source, destination, sourcePort, destinationPort, payload });
	}
}
