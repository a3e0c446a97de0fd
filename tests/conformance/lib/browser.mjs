#!/usr/bin/env node
// The browser of a person at a machine without a screen: what a client starts to open an authorization page. It signs in,
// allows, and follows the redirect to the client's own listener, as a browser does.
// POSTERN_JUDGE_PERSON is who that is; POSTERN_JUDGE_VISITS, where set, is a file that gets a line for each opening.
import { appendFileSync } from 'node:fs';
import { Person } from './person.mjs';

const person = new Person(JSON.parse(process.env.POSTERN_JUDGE_PERSON));
if (process.env.POSTERN_JUDGE_VISITS) appendFileSync(process.env.POSTERN_JUDGE_VISITS, `${process.argv.at(-1)}\n`);
const landed = await person.answer(process.argv.at(-1));
// mcp-remote opens the browser first and listens a moment later: a person is never that quick.
for (const deadline = Date.now() + 10_000; ; await new Promise(later => setTimeout(later, 100))) {
  const came = await fetch(landed).catch(error => error);
  if (came.ok) break;
  if (Date.now() > deadline) throw new Error(`the client did not take ${landed}`, { cause: came });
}
