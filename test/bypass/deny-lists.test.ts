import { FAMILIES } from "./families.ts";
import { testRows } from "./row-tests.ts";

testRows(FAMILIES.lists);
