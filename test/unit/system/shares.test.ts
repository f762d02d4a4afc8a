/** Places for callers: a limit for each, some kept for root, and a place for who has fewer. */
import { expect, test } from "vitest";
import { type Place, type Refused, Shares } from "../../../src/system/shares.ts";

const ROOT = { id: "uid:0", isFirst: true };
const user = (number: number) => ({ id: `uid:${number}`, isFirst: false });

function harness() {
	const shares = new Shares({ all: 8, each: 3, kept: 2 });
	const ended: string[] = [];
	const take = (caller: typeof ROOT, name = "") => shares.take(caller, () => ended.push(name));
	return { take, ended };
}
const isTaken = (result: Place | Refused) => typeof result !== "string";

test("one caller has its share, and gets a place again when it gives one back", () => {
	const { take } = harness();
	const places = [1, 2, 3].map(() => take(user(1)));
	expect(places.every(isTaken)).toBe(true);
	expect(take(user(1))).toBe("each");
	(places[0] as Place).release();
	expect(isTaken(take(user(1)))).toBe(true);
});

test("when all are taken, a caller with fewer takes over the newest place of the one with the most", () => {
	const { take, ended } = harness();
	for (const name of ["a1", "a2", "a3"]) take(user(1), name);
	for (const name of ["b1", "b2", "b3"]) take(user(2), name);
	expect(isTaken(take(user(3), "c1"))).toBe(true);
	expect(ended).toEqual(["b3"]);
	expect(isTaken(take(user(3), "c2"))).toBe(true);
	expect(ended).toEqual(["b3", "a3"]);
	expect(take(user(3)), "now all have as many").toBe("all");
	expect(isTaken(take(user(4), "d1"))).toBe(true);
	expect(take(user(2)), "who lost a place does not win it back from who has as many").toBe("all");
});

test("root has places that others cannot take, and takes over others' beyond them", () => {
	const { take, ended } = harness();
	for (let number = 1; number <= 6; number++) expect(isTaken(take(user(number), `u${number}`))).toBe(true);
	expect(take(user(7))).toBe("all");
	for (let places = 0; places < 8; places++) expect(isTaken(take(ROOT)), String(places)).toBe(true);
	expect(ended.toSorted()).toEqual(["u1", "u2", "u3", "u4", "u5", "u6"]);
	expect(take(ROOT)).toBe("all");
});
