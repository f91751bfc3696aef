import { MemoryStore } from "../../broker/mod.ts";
import { storeContract } from "./_store_contract.ts";

storeContract("store", () => new MemoryStore());
