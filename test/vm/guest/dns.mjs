/** A DNS server with a handful of names (RFC 1035). */
import { createSocket } from "node:dgram";

/** @typedef {Record<string, string | { alias: string }>} Zone IPv4 addresses or aliases by name */
/** @typedef {{ name: string, type: number, end: number }} Question `end`: offset of the byte after it */

/**
 * Answers over UDP.
 *
 * @param {string} address
 * @param {Zone} zone
 * @returns {string[]} names queried so far; the list grows
 */
export function serveDns(address, zone) {
	/** @type {string[]} */
	const asked = [];
	const socket = createSocket("udp4");
	socket.on("message", (message, from) => {
		const question = questionOf(message);
		if (question === null) return;
		asked.push(question.name);
		socket.send(answerTo(message, question, zone), from.port, from.address);
	});
	socket.bind(53, address);
	return asked;
}

/** @param {Buffer} message @returns {Question | null} */
function questionOf(message) {
	/** @type {string[]} */
	const labels = [];
	let at = HEADER;
	for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
		labels.push(message.toString("latin1", at + 1, at + 1 + length));
		at += 1 + length;
	}
	if (at + 5 > message.length) return null;
	return { name: labels.join(".").toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

/** @param {Buffer} message @param {Question} question @param {Zone} zone */
function answerTo(message, { name, type, end }, zone) {
	const known = zone[name];
	/** @type {Buffer[]} */
	const records = [];
	if (typeof known === "object") {
		records.push(record(encodeName(name), TYPE_CNAME, encodeName(known.alias)));
		if (type === TYPE_A) records.push(record(encodeName(known.alias), TYPE_A, bytesOf(String(zone[known.alias]))));
	} else if (known !== undefined && type === TYPE_A) {
		records.push(record(encodeName(name), TYPE_A, bytesOf(known)));
	}
	const head = Buffer.from(message.subarray(0, HEADER));
	head.writeUInt16BE(known === undefined ? 0x8583 : 0x8580, 2); // AA, RD, RA; NXDOMAIN
	head.writeUInt16BE(1, 4);
	head.writeUInt16BE(records.length, 6);
	head.writeUInt32BE(0, 8);
	return Buffer.concat([head, message.subarray(HEADER, end), ...records]);
}

/** @param {Buffer} name @param {number} type @param {Buffer} data */
function record(name, type, data) {
	const fixed = Buffer.alloc(10);
	fixed.writeUInt16BE(type, 0);
	fixed.writeUInt16BE(1, 2); // IN
	fixed.writeUInt32BE(TTL, 4);
	fixed.writeUInt16BE(data.length, 8);
	return Buffer.concat([name, fixed, data]);
}

/** @param {string} name */
const encodeName = (name) =>
	Buffer.concat([
		...name.split(".").map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
		Buffer.alloc(1),
	]);
/** @param {string} address */
const bytesOf = (address) => Buffer.from(address.split(".").map(Number));

const HEADER = 12;
const TYPE_A = 1;
const TYPE_CNAME = 5;
const TTL = 300;
