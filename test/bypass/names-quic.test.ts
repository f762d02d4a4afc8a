import { FAMILIES } from "./families.ts";
import { holdRows } from "./hold-rows.ts";

holdRows(FAMILIES.quic);
