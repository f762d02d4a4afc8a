/** Crafted packets, layer by layer. Each function prepends its header to its payload. */
import { packAddress, packedBytes } from "../../../src/base/address.ts";

export const ETHER = { ipv4: 0x0800, ipv6: 0x86dd, vlan: 0x8100, qinq: 0x88a8, mpls: 0x8847, pppoe: 0x8864 } as const;
export const IP = { ipip: 4, tcp: 6, udp: 17, ipv6: 41, gre: 47 } as const;

export function u8(...values: number[]): Buffer {
	return Buffer.from(values);
}

export function u16(...values: number[]): Buffer {
	return Buffer.from(values.flatMap((value) => [(value >> 8) & 0xff, value & 0xff]));
}

export function u32(...values: number[]): Buffer {
	return Buffer.concat(values.map((value) => u16(value >>> 16, value & 0xffff)));
}

export function ethernet(type: number, payload: Buffer): Buffer {
	const addresses = Buffer.from("020000000002020000000001", "hex");
	return Buffer.concat([addresses, u16(type), payload]);
}

export interface IpOptions {
	readonly from: string;
	readonly to: string;
	readonly protocol: number;
	readonly id?: number;
	/** [bytes] */
	readonly offset?: number;
	readonly more?: boolean;
}

export function ipv4({ from, to, protocol, id = 1, offset = 0, more = false }: IpOptions, payload: Buffer): Buffer {
	const fragment = (offset >> 3) | (more ? 0x2000 : 0);
	const head = [
		u8(0x45, 0),
		u16(20 + payload.length, id, fragment),
		u8(64, protocol),
		u16(0),
		bytes4(from),
		bytes4(to),
	];
	return Buffer.concat([...head, payload]);
}

/** `extensions`: headers before the payload, each with the number of the next. */
export function ipv6(options: IpOptions, payload: Buffer, first = options.protocol): Buffer {
	const head = [u32(0x6000_0000), u16(payload.length), u8(first, 64), bytes6(options.from), bytes6(options.to)];
	return Buffer.concat([...head, payload]);
}

/** IPv4 or IPv6, depending on the addresses. */
export function ip(options: IpOptions, payload: Buffer): Buffer {
	return options.from.includes(":") ? ipv6(options, payload) : ipv4(options, payload);
}

export const TCP_FLAGS = { fin: 1, syn: 2, rst: 4, ack: 16 } as const;

export interface TcpOptions {
	readonly fromPort: number;
	readonly toPort: number;
	readonly sequence: number;
	readonly acknowledged?: number;
	readonly flags?: number;
}

export function tcp(
	{ fromPort, toPort, sequence, acknowledged = 0, flags = TCP_FLAGS.ack }: TcpOptions,
	payload: Buffer,
) {
	const head = [u16(fromPort, toPort), u32(sequence >>> 0, acknowledged >>> 0), u8(0x50, flags), u16(65_535, 0, 0)];
	return Buffer.concat([...head, payload]);
}

export function udp(fromPort: number, toPort: number, payload: Buffer): Buffer {
	return Buffer.concat([u16(fromPort, toPort, 8 + payload.length, 0), payload]);
}

export function tagged(type: number, payload: Buffer, vlan = 7): Buffer {
	return Buffer.concat([u16(vlan, type), payload]);
}

function bytes4(address: string): Buffer {
	return packedBytes(packAddress(address)!).subarray(12);
}

function bytes6(address: string): Buffer {
	return packedBytes(packAddress(address)!);
}
