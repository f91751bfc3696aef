import { KilledStore, newStore } from "./_sqlite_stores.ts";
import { storeContract } from "./_store_contract.ts";

storeContract("SQLite store", newStore);
storeContract("SQLite store that is killed", () => new KilledStore());
