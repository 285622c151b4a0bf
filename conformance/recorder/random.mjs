// Random scenarios: what nobody thought of trying. The same seed gives the same scenarios everywhere.
//
// Left out on purpose, because a comparison would say nothing:
// - a failed load together with `unset: 'destroy'` (express-session then deletes the session);
// - `"auto"` from a cookie-options function (express-session does not resolve it);
// - deleting a key and setting it again (express-session takes a new order of keys for a change);
// - a reload onto a record without a cookie (ends the Node process);
// - undecoded cookie text outside ASCII (express-session reads it as Latin-1; rules.mjs has a case);
// - dates in a record that only V8 reads, and lengths that are no whole numbers (D-dates);
// - attributes in a record that are numbers, true or arrays where text belongs.

import { createHmac } from 'node:crypto';

const START = 1_700_000_000_000;
const ID = 'sid77'; // the preloaded session

/** Mulberry32: small, well known, and the same in every version of Node. */
function generator(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n) => Math.floor(next() * n);
  return {
    below,
    chance: (p) => next() < p,
    pick: (list) => list[below(list.length)],
  };
}

const iso = (ms) => new Date(ms).toISOString();
const sign = (id, secret) => `s:${id}.${createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '')}`;
const deep = (n) => {
  let v = 1;
  for (let i = 0; i < n; i++) v = i % 2 ? [v] : { a: v };
  return v;
};
const SECRETS = ['k1', ['k1'], ['k1', 'k2'], ['k2', 'k1', 'ключ'], ' ', 'ü😀', 'x'.repeat(200)];
const NAMES = [
  'sid',
  'my.session',
  'a-b_c',
  '__Host-id',
  "!#$%&'*+-.^_`|~",
  '%73id',
  "'",
  '__proto',
  'path',
  'SID',
  '0',
  '%',
  '~',
];
const GENIDS = [
  'a.b#',
  'x y#',
  'é#',
  '%#',
  '#/+=',
  '~!#',
  'ид-#',
  '#.',
  '.#.',
  '%41#',
  '"#"',
  ';#',
  'a;b=#',
  '#=',
  ' # ',
  '😀#',
  's:#',
  's%3A#',
  '#\t',
  '\u0000#',
  '#%',
  '%E0%A4%A#',
  "#'()*",
  '\\#',
  '#,',
  '\u00a0#',
  '#'.repeat(2),
  'x'.repeat(300) + '#',
  '{#}',
  '<#>',
  '\u2028#',
  '%%%#',
  '..#..',
  '#\r\nSet-Cookie: a=b',
];
const URLS = [
  '/',
  '/',
  '/',
  '/app',
  '/app/x?y=/z',
  '/application',
  '/app/deep/er',
  '/app/',
  '/App',
  '/app?z',
  '/other',
  '/app/deep/er/and/deeper/still/x/y/z',
  '//app',
  '/a%20b',
  '/app//x',
  '/%61pp',
  '/app;x=1',
  '/app#frag',
  '/./app',
  '/../app',
  '/?/app',
  '/app/%2e%2e/x',
  'http://localhost/',
  'http://localhost/app',
  'http://localhost/app/x?y',
  'http://localhost:80/app/',
  '/' + 'd/'.repeat(100),
  '/app/deep?',
  '/app&x',
  '/app:8',
  '/a~b',
].filter((u) => !u.includes('#'));
const STEPS_MS = [0, 1, 10, 499, 500, 900, 999, 1000, 1001, 2500, 2999, 3000, 3001, 60_000, 59_999, -500, 86_400_000];
const KEYS = [
  'n',
  'user',
  'cart',
  'flash',
  'a b',
  '__v',
  'ключ',
  '7',
  'x'.repeat(40),
  '',
  'cookies',
  'Cookie',
  '\u0000',
  '😀',
  '"',
  '\\',
  '-1',
  '007',
  'touched',
  'expires',
  'data',
  'maxAge',
  'length',
  '\u2028',
  '1e3',
  '4294967295',
];
const VALUES = [
  0,
  1,
  -1,
  2.5,
  1e21,
  1e20,
  1e-7,
  5e-324,
  1.7976931348623157e308,
  0.1,
  123456789012345680,
  9007199254740993,
  -9007199254740991,
  18446744073709552000,
  true,
  false,
  null,
  '',
  'text',
  'line\nbreak',
  'quote " back \\ slash',
  'ü€😀',
  '\u2028\u2029',
  '\u007f\u0080',
  '\u0000\u001f',
  '</script>',
  [],
  [1, [2]],
  {},
  { a: { b: [null, false] } },
  { cookie: 1 },
  { cookie: { expires: null } },
  { '': '' },
  { 10: 1, 9: 2, b: 3, a: 4 },
  deep(30),
  deep(90),
  'z'.repeat(20000),
  Array.from({ length: 500 }, (_, i) => i * 1.1),
  [null, null],
  '2023-11-14T22:13:20.000Z',
  { toJSON: 1 },
  { a: 'b', __v: [] },
  1e16,
  123456.789e-20,
  4.35,
  0.000001,
  100,
];
const MAXAGES = [null, 0, 1, -1, 500, 999, 1000, 1001, 3000, 60_000, 86_400_000, 34_560_000_000, -1000];
const COOKIE_OPTIONS = {
  maxAge: MAXAGES,
  expires: [START - 1000, START, START + 1, START + 5000, START + 60_000, 0, 253402300800000, -62167219200001],
  path: ['/', '/app', '/app/', '/app/deep', '/a b', '/a%20b', '/app?', '', "/~!$&'()*+,=:@", 'app', '/APP', '//', '/ '],
  domain: ['example.test', '.example.test', 'sub.example.test', '', 'a', 'A.B', '1.2.3.4', 'x'.repeat(63)],
  httpOnly: [true, false],
  secure: [true, false, 'auto'],
  sameSite: [true, false, 'lax', 'Lax', 'LAX', 'strict', 'none', 'NONE', 'auto'],
  partitioned: [true, false],
  priority: ['low', 'medium', 'high', 'High', 'HIGH', ''],
};
const LIKELIHOOD = { maxAge: 0.55, expires: 0.1, path: 0.25, httpOnly: 0.3, secure: 0.3, sameSite: 0.35 };
const BOGUS_OPTIONS = {
  domain: ['bad domain', 'ex;ample', '-a.test', 'a..b', 'a.', 'x'.repeat(64), 'ü.test'],
  sameSite: ['bogus', 'AUTO', ' lax'],
  priority: ['bogus', ' low'],
  path: ['/a;b', '/<', '/ü', '/\n'],
};
const COOKIE_FIELDS = {
  maxAge: [null, 0, 1, -1, 1000, 1001, 3000, 100_000, 400, 2000, false],
  expires: [null, false, START - 1, START, START + 1, START + 2000, START + 100_000, 253402300800000],
  path: ['/', '/app', '/x', '', '/a b'],
  sameSite: [true, false, 'lax', 'none', 'Strict', null, ''],
  httpOnly: [true, false, null, 1, 0, '', 'x'],
  secure: [true, false, null, 1, 0, 'x'],
  partitioned: [true, false, null],
  domain: ['example.test', '', null, '.a.b'],
  priority: ['low', 'High', '', null],
  originalMaxAge: [null, 0, 1000, 3000, -1],
};
const FORWARDED = [
  'https',
  'http',
  'https, http',
  'http,https',
  ' HTTPS ,http',
  '',
  ',https',
  'https;q=1',
  'HTTPS',
  '"https"',
  'https\t',
];
const TAMPERS = [
  'flip-last',
  'truncate',
  'strip-prefix',
  'strip-signature',
  'decoded',
  'quoted',
  'lower-hex',
  'append',
  'pad',
];
const B = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };
const near = (rng) => START + rng.pick([-1, 0, 1, 100, 499, 500, 700, 999, 1000, 1001, 3000, 60_000]);
function recordCookie(rng, wild) {
  const base = rng.pick([
    () => ({ ...B }),
    () => ({ ...B, originalMaxAge: rng.pick([0, 1, 1000, 3000, 60_000, -5]), expires: iso(near(rng)) }),
    () => ({
      originalMaxAge: 60_000,
      expires: iso(near(rng)),
      secure: true,
      httpOnly: false,
      domain: 'example.test',
      path: '/app',
      sameSite: 'lax',
    }),
    () => ({
      originalMaxAge: null,
      partitioned: true,
      priority: 'high',
      expires: null,
      secure: false,
      httpOnly: true,
      path: '/',
      sameSite: true,
    }),
    () => ({ ...B, expires: iso(near(rng)) }),
    () => ({ ...B, originalMaxAge: rng.pick([1000, 3000]) }),
    () => ({}),
    () => ({ path: '/' }),
    () => ({ expires: iso(near(rng)) }),
    () => ({ originalMaxAge: 3000 }),
  ])();
  if (rng.chance(0.35)) {
    for (let n = 1 + rng.below(2); n > 0; n--)
      rng.pick([
        () => {
          delete base[rng.pick(Object.keys(base).concat('x'))];
        },
        () => {
          base.expires = rng.pick([
            '2023-11-14T22:13:23Z',
            '2023-11-14T22:13:23.5Z',
            '2023-11-14T22:13:23.123456Z',
            '2023-11-14T23:13:23+01:00',
            '2023-11-14T17:13:23.25-05:00',
            '2023-11-15T03:43:23.001+05:30',
            '+275760-09-13T00:00:00.000Z',
            '-000001-01-01T00:00:00.000Z',
            '+010000-01-01T00:00:00.000Z',
            '2024-02-29T00:00:00.000Z',
            'no date',
            '2023-11-14T22:13:23.000+00:00',
          ]);
        },
        () => {
          base.originalMaxAge = rng.pick([false, null, 0, 1000, 3000, 1e10, -1]);
        },
        () => {
          base[rng.pick(['junk', 'version', 'comment', 'signed', 'overwrite', 'encode', 'maxage', 'Path'])] = rng.pick([
            1,
            'x',
            null,
            { a: 1 },
            true,
          ]);
        },
        () => {
          base.secure = rng.pick([null, true, false, 1, 0, 'x', '']);
        },
        () => {
          base.httpOnly = rng.pick([null, true, false, 1, 0, 'x', '']);
        },
        () => {
          base.path = rng.pick([null, '/', '', '/x', false, '/a b']);
        },
        () => {
          base.sameSite = rng.pick([null, true, false, 'lax', 'Strict', 'NONE', '']);
        },
        () => {
          base.domain = rng.pick([null, '', 'a.b', false]);
        },
        () => {
          base.priority = rng.pick([null, 'low', 'HIGH', '', false]);
        },
        () => {
          base.expires = rng.pick([null, false]);
        },
        // what can't be sent: reported with each response
        () => {
          base[rng.pick(['sameSite', 'priority', 'domain', 'path'])] = rng.pick(['b;d', 5, true, ['x'], 'bogus ü']);
        },
      ])();
    if (base.path === undefined) delete base.path;
  }
  if (base.sameSite === 5 || Array.isArray(base.sameSite)) base.sameSite = 'bogus';
  // RegExp.test of JavaScript takes numbers, true and arrays for text: kept out.
  for (const f of ['domain', 'path']) if (base[f] === 5 || base[f] === true || Array.isArray(base[f])) base[f] = 'b;d';
  if (Array.isArray(base.priority)) base.priority = 5;
  return base;
}
function cookieOptions(rng, { auto }) {
  const chosen = [];
  for (const [field, values] of Object.entries(COOKIE_OPTIONS)) {
    if (!rng.chance(LIKELIHOOD[field] ?? 0.18)) continue;
    const bogus = BOGUS_OPTIONS[field] && rng.chance(0.06);
    chosen.push([field, rng.pick(bogus ? BOGUS_OPTIONS[field] : values.filter((v) => auto || v !== 'auto'))]);
  }
  if (rng.chance(0.5)) chosen.reverse();
  return Object.fromEntries(chosen);
}
function options(rng) {
  const r = { secret: rng.pick(SECRETS) };
  if (rng.chance(0.1))
    r.cookieByPath = {
      default: cookieOptions(rng, { auto: false }),
      '/app': cookieOptions(rng, { auto: false }),
      '/app/deep': cookieOptions(rng, { auto: false }),
    };
  else if (rng.chance(0.95)) r.cookie = cookieOptions(rng, { auto: true });
  for (const flag of ['resave', 'saveUninitialized', 'rolling']) if (rng.chance(0.85)) r[flag] = rng.chance(0.5);
  if (rng.chance(0.4)) r.unset = rng.pick(['keep', 'destroy']);
  if (rng.chance(0.4)) r.proxy = rng.chance(0.5);
  if (rng.chance(0.4)) r.name = rng.pick(NAMES);
  if (rng.chance(0.4)) r.storeTouch = rng.chance(0.5);
  if (rng.chance(0.4)) r.genid = rng.pick(GENIDS);
  return r;
}
function storedRecord(rng, { loadable }) {
  const cookie = recordCookie(rng);
  if (!loadable && rng.chance(0.08)) return rng.pick([{ n: 1 }, { cookie: null, n: 1 }]);
  return rng.pick([
    () => ({ cookie }),
    () => ({ cookie, n: 1 }),
    () => ({ n: 1, cookie }),
    () => ({ cookie, user: 'ü€😀', cart: [1, { a: null }], n: 0 }),
    () => ({ cookie, [rng.pick(KEYS)]: rng.pick(VALUES), user: rng.pick(VALUES) }),
    () => ({
      cookie,
      [rng.pick(['id', 'req', 'save', 'toString', 'touch', 'valueOf', 'constructor'])]: rng.pick(VALUES),
      n: 2,
    }),
  ])();
}
function handler(rng, world) {
  const operations = [];
  const deleted = new Set(),
    wrote = new Set();
  const ids = () => rng.pick([...world.ids, ID]);
  const makers = [
    () => ({ op: 'set', key: rng.pick(KEYS.filter((k) => !deleted.has(k))), value: rng.pick(VALUES) }),
    () => {
      const key = rng.pick(KEYS);
      deleted.add(key);
      return { op: 'delete', key };
    },
    () => ({ op: 'get', key: rng.pick(KEYS) }),
    () => {
      const field = rng.pick(Object.keys(COOKIE_FIELDS));
      return { op: 'cookie.set', field, value: rng.pick(COOKIE_FIELDS[field]) };
    },
    () => ({ op: 'advance', ms: rng.pick([1, 1, 399, 400, 500, 999, 1000, 2000, 3000, 60_000, -1, -700]) }),
    () => ({ op: 'other.destroy', id: ids() }),
    () => ({ op: 'other.set', id: ids(), record: { cookie: recordCookie(rng), other: ++world.foreignWrites } }),
    () => ({ op: 'header', name: 'Set-Cookie', value: rng.pick(['other=1', `${world.name}x=1`, 'a=b; Path=/']) }),
    ...[
      'keys',
      'id',
      'cookie',
      'touch',
      'save',
      'reload',
      'regenerate',
      'save',
      'reload',
      'regenerate',
      'destroy',
      'unset',
    ].map((op) => () => ({ op })),
  ];
  const weighted = [...makers, makers[0], makers[0], makers[3], makers[3], makers[3], makers[4]];
  for (let left = rng.below(13); left > 0; left--) operations.push(rng.pick(weighted)());
  return operations;
}
function rawCookie(rng, world) {
  const { name } = world;
  const key = rng.pick([world.secret].flat());
  const good = encodeURIComponent(sign(rng.pick([...world.ids.filter((i) => i !== ''), ID]), key));
  const frag = [
    name,
    '=',
    ';',
    ' ',
    '\t',
    '"',
    good,
    good,
    `${name}=`,
    `${name}=${good}`,
    `${name}=${good}`,
    's%3A',
    's:',
    '%',
    'a=1',
    `; ${name}=`,
    '%22',
    ',',
    '==',
    `x${name}=${good}`,
    `${name} = ${good} `,
    `${name}="${good}"`,
    `"${name}"=${good}`,
    '\u00e9',
    '%C3',
    '%c3%a9',
    'toString=1',
    '__proto__=1',
    `$${name}=${good}`,
    `${name.toUpperCase()}=${good}`,
  ];
  let t = '';
  for (let n = 1 + rng.below(6); n > 0; n--) t += rng.pick(frag);
  return t.trim();
}
function cookie(rng, world, step) {
  if (world.preload && rng.chance(0.45)) return { sign: { id: ID, secret: [world.secret].flat()[0] } };
  if (rng.chance(0.45)) return undefined;
  const kinds = [
    () => 'none',
    () => ({ raw: rawCookie(rng, world) }),
    () => ({ raw: rawCookie(rng, world) }),
    () => ({ raw: rawCookie(rng, world) }),
    () => ({
      sign: {
        id: rng.pick([...world.ids, ID, 'a.b', 'x y']),
        secret: rng.pick(['k1', 'k2', 'k3', [world.secret].flat().at(-1)]),
      },
    }),
  ];
  if (step > 0) {
    const from = rng.below(step);
    kinds.push(
      () => ({ step: from }),
      () => ({ step: from, tamper: rng.pick(world.asciiIds ? TAMPERS : TAMPERS.filter((h) => h !== 'decoded')) }),
      () => ({
        step: from,
        before: rng.pick([
          'a=1',
          '=',
          'novalue',
          `${world.name}=`,
          `${world.name}=junk`,
          `x=${'y'.repeat(5000)}`,
          ';;',
          '"',
          'a="; b=c"',
        ]),
        after: rng.pick(['', 'b=2', 'c="q"', `${world.name}=other`]),
      }),
    );
  }
  return rng.pick(kinds)();
}
function faults(rng, { unset }) {
  const result = {};
  for (let left = 1 + rng.below(4); left > 0; left--) {
    const call = rng.pick(['get', 'set', 'touch', 'destroy']);
    result[call] = call === 'get' && unset === 'destroy' ? 'ENOENT' : rng.pick(['EIO', 'ENOENT']);
  }
  return result;
}
function request(rng, world, step) {
  const r = { url: rng.pick(URLS), handler: handler(rng, world) };
  if (rng.chance(0.25)) r.headers = { 'x-forwarded-proto': rng.pick(FORWARDED) };
  if (rng.chance(0.2)) r.encrypted = rng.chance(0.7);
  if (rng.chance(0.2)) r.secure = rng.chance(0.7);
  const sent = cookie(rng, world, step);
  if (sent !== undefined) r.cookie = sent;
  if (rng.chance(0.15)) r.faults = faults(rng, world);
  if (rng.chance(0.25)) r.method = rng.pick(['POST', 'DELETE', 'HEAD', 'PUT', 'PATCH', 'OPTIONS']);
  if (rng.chance(0.15)) r.body = 'empty';
  if (rng.chance(0.2)) r.status = rng.pick([201, 204, 302, 304, 404, 500, 503]);
  return r;
}
function scenario(rng, name) {
  const chosen = options(rng);
  const result = { name, start: START, options: chosen };
  if (rng.chance(0.5)) result.preload = { [ID]: storedRecord(rng, { loadable: chosen.unset === 'destroy' }) };
  const genid = chosen.genid ?? 'sid#';
  const world = {
    name: chosen.name ?? 'connect.sid',
    secret: chosen.secret,
    preload: result.preload,
    unset: chosen.unset,
    ids: ['1', '2', '3'].map((n) => genid.replaceAll('#', n)),
    asciiIds: /^[ -~]*$/.test(genid),
    foreignWrites: 100,
  };
  let at = 0;
  result.requests = Array.from({ length: 2 + rng.below(5) }, (_, step) => {
    if (step > 0) at = Math.max(0, at + rng.pick(STEPS_MS));
    return { at, ...request(rng, world, step) };
  });
  return result;
}

export function* random(seed, count) {
  const rng = generator(seed);
  for (let number = 0; number < count; number++) yield scenario(rng, `random seed=${seed} #${number}`);
}
