import { fill, Folder } from "./_scene.ts";
import { Random } from "../_random.ts";
import { DatabaseSync } from "node:sqlite";
await using folder = new Folder();
await fill(folder, 60);
const bytes = Deno.readFileSync(folder.file);
bytes.set(new Random(1).bytes(300), 12*4096);
Deno.writeFileSync(folder.file, bytes);
const db = new DatabaseSync(folder.file, {readOnly:true});
const q = "SELECT d.id, length(m.bytes) FROM deliveries d LEFT JOIN messages m ON m.id = d.message";
for (const sql of [q, "select * from messages"]) {
try { console.log("all", db.prepare(sql).all().length); } catch (e) { console.log("all", String(e)); }
try { let n = 0; for (const _ of db.prepare(sql).iterate()) n++; console.log("iterate", n); } catch (e) { console.log("iterate", String(e)); }
}
db.close();
