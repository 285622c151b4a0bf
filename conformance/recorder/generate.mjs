// Writes scenarios, one JSON object a line:
//
//     node generate.mjs exhaustive
//     node generate.mjs random --seed 7 --count 2000
//     node generate.mjs rules
//     node generate.mjs quirks
//     node generate.mjs quirks-recommended      (these
//     node generate.mjs recommended              and these can't be recorded)

import { parseArgs } from 'node:util';
import { exhaustive } from './exhaustive.mjs';
import { random } from './random.mjs';
import { rules } from './rules.mjs';
import { quirks } from './quirks.mjs';
import { recommended } from './recommended.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '7' }, count: { type: 'string', default: '2000' } },
});

const kinds = {
  exhaustive,
  rules,
  random: () => random(number(values.seed), number(values.count)),
  quirks: () => quirks('express'),
  'quirks-recommended': () => quirks('recommended'),
  recommended,
};
const make = kinds[positionals[0]];
if (!make || positionals.length !== 1) fail(`usage: generate.mjs ${Object.keys(kinds).join(' | ')}`);
for (const scenario of make()) process.stdout.write(`${JSON.stringify(scenario)}\n`);

function number(text) {
  if (!/^\d+$/.test(text)) fail(`not a number: ${text}`);
  return Number(text);
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
