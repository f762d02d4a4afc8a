/** The generated TypeScript matches the BTF of the built object. */
import { expect, test } from "vitest";
import { type Btf, readBtf } from "../../scripts/layout/btf.ts";
import { eventViewsText } from "../../scripts/layout/event-views.ts";
import { staleFiles } from "../../scripts/layout/generate.ts";
import { numbersText } from "../../scripts/layout/numbers.ts";
import { ROOT } from "../support/paths.ts";

const btf = readBtf(`${ROOT}/native/build/sallyport.bpf.o`);

test("the checked-in files match the object (if not: npm run build, and commit them)", () => {
	expect(staleFiles()).toEqual([]);
});

test("an enum of the object without a name in TypeScript stops the build", () => {
	const more: Btf = { ...btf, enums: [...btf.enums, "sp_new"] };
	expect(() => numbersText(more, "")).toThrow("sp_new: add a name to ENUMS");
});

test("a type that the object lacks stops the build with the file to change", () => {
	expect(() => btf.struct("sp_missing")).toThrow("no struct sp_missing: add it to bpf/wire/layout.h");
	expect(() => btf.enumerators("sp_missing")).toThrow("no enum sp_missing: add it to bpf/wire/layout.h");
});

test("a field of a decision is in the interface, the view and the copy", () => {
	const decision = btf.struct("sp_decision");
	const more: Btf = {
		...btf,
		struct: (name) =>
			name === "sp_decision"
				? {
						size: 144,
						fields: [...decision.fields, { name: "new_one", offset: 136, size: 4, elements: null, isStruct: false }],
					}
				: btf.struct(name),
	};
	const text = eventViewsText(more, "");
	expect(text).toContain("\treadonly newOne: number;\n");
	expect(text).toContain(
		"\tget newOne(): number {\n\t\treturn this.view.getUint32(this.at + DECISION.newOne, true);\n\t}\n",
	);
	expect(text).toContain("\t\tnewOne: event.newOne,\n");
});

test("a field without a reader stops the build", () => {
	const odd: Btf = {
		...btf,
		struct: () => ({
			size: 3,
			fields: ["size", "version", "odd"].map((name) => ({ name, offset: 0, size: 3, elements: 3, isStruct: false })),
		}),
	};
	expect(() => eventViewsText(odd, "")).toThrow("no reader for the field odd");
});
