// What a team's own program does with supabase-js: reads steps as JSON on stdin, writes what came of each on stdout.
// {url, key, token, steps: [{table, kind, rows?, where?}]} -> [{status, code, rows}]
import { createClient } from "@supabase/supabase-js";
import WebSocket from "ws"; // Node has one of its own from 22 on
import { text } from "node:stream/consumers";

const { url, key, token, steps } = JSON.parse(await text(process.stdin));
const client = createClient(url, key, {
  ...(token ? { accessToken: async () => token } : {}),
  realtime: { transport: WebSocket },
});

const kinds = {
  select: (table, step) => table.select(step.columns ?? "*"),
  insert: (table, step) => table.insert(step.rows),
  upsert: (table, step) => table.upsert(step.rows),
  update: (table, step) => table.update(step.rows).neq(step.column ?? "project_id", "00000000-0000-0000-0000-000000000000").select(),
  delete: (table, step) => table.delete().neq(step.column ?? "project_id", "00000000-0000-0000-0000-000000000000").select(),
};

const results = [];
for (const step of steps) {
  let query = kinds[step.kind](client.from(step.table), step);
  for (const [column, value] of Object.entries(step.where ?? {})) query = query.eq(column, value);
  const { data, error, status } = await query;
  results.push({ status, code: error?.code ?? null, message: error?.message ?? null, rows: data ?? [] });
}
process.stdout.write(JSON.stringify(results));
