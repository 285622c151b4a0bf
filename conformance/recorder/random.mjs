// Random scenarios: what nobody thought of trying. The same seed gives the same scenarios everywhere.
//
// Left out on purpose, because a comparison would say nothing:
// - a failed load together with `unset: 'destroy'` (express-session then deletes the session);
// - `"auto"` from a cookie-options function (express-session does not resolve it);
// - deleting a key and setting it again (express-session takes a new order of keys for a change);
// - a reload onto a record without a cookie (ends the Node process);
// - cookie text outside ASCII (express-session reads it as Latin-1).

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

// ---------------------------------------------------------------- pools

const SECRETS = ['k1', ['k1'], ['k1', 'k2'], ['k2', 'k1', 'ключ']];
const NAMES = ['sid', 'my.session', 'a-b_c', '__Host-id'];
const GENIDS = ['a.b#', 'x y#', 'é#', '%#', '#/+=', '~!#', 'ид-#'];
const URLS = ['/', '/', '/app', '/app/x?y=/z', '/application', '/app/deep/er', '/app/', '/App', '/app?z', '/other'];
const STEPS_MS = [0, 10, 900, 1000, 2500, 60_000];

const KEYS = ['n', 'user', 'cart', 'flash', 'a b', '__v', 'ключ', '7', 'x'.repeat(40)];
const VALUES = [
  0, 1, -1, 2.5, 1e21, true, false, null, '', 'text', 'line\nbreak', 'quote " back \\ slash', 'ü€😀',
  [], [1, [2]], {}, { a: { b: [null, false] } }, { cookie: 1 },
];

const BOGUS = 0.05; // how often an option is one that can't be serialized
const COOKIE_OPTIONS = {
  maxAge: [null, 0, 500, 3000, 60_000, 86_400_000, 34_560_000_000],
  expires: [START - 1000, START + 5000, START + 60_000],
  path: ['/', '/app', '/app/', '/app/deep', '/a b'],
  domain: ['example.test', '.example.test', 'sub.example.test'],
  httpOnly: [true, false],
  secure: [true, false, 'auto'],
  sameSite: [true, false, 'lax', 'Lax', 'strict', 'none', 'auto'],
  partitioned: [true, false],
  priority: ['low', 'medium', 'high', 'High'],
};
const LIKELIHOOD = { maxAge: 0.5, expires: 0.08, path: 0.3, httpOnly: 0.3, secure: 0.35, sameSite: 0.35 };
const BOGUS_OPTIONS = { domain: ['bad domain', 'ex;ample'], sameSite: ['bogus'], priority: ['bogus'] };

const COOKIE_FIELDS = {
  maxAge: [null, 0, 1000, 3000, 100_000],
  expires: [null, false, START + 2000, START + 100_000],
  path: ['/', '/app', '/x'],
  sameSite: [true, false, 'lax', 'none'],
  httpOnly: [true, false],
  secure: [true, false],
  partitioned: [true, false],
};

const FORWARDED = ['https', 'http', 'https, http', 'http,https', ' HTTPS ,http', ''];
const TAMPERS = [
  'flip-last', 'truncate', 'strip-prefix', 'strip-signature', 'decoded', 'quoted', 'lower-hex', 'append', 'pad',
];
const RECORD_COOKIES = [
  { originalMaxAge: null, expires: null, httpOnly: true, path: '/' },
  { originalMaxAge: 3000, expires: '2023-11-14T22:13:23.000Z', httpOnly: true, path: '/' },
  { originalMaxAge: 3000, expires: '2023-11-14T22:13:19.999Z', httpOnly: true, path: '/' },
  { originalMaxAge: 5000, expires: '2023-11-14T22:13:20.700Z', httpOnly: true, path: '/x' },
  {
    originalMaxAge: 60_000, expires: '2023-11-14T22:13:20.100Z', secure: true, httpOnly: false,
    domain: 'example.test', path: '/app', sameSite: 'lax',
  },
  {
    originalMaxAge: null, partitioned: true, priority: 'high', expires: null, secure: false,
    httpOnly: true, path: '/', sameSite: true,
  },
];

// ---------------------------------------------------------------- parts

function cookieOptions(rng, { auto }) {
  const chosen = [];
  for (const [field, values] of Object.entries(COOKIE_OPTIONS)) {
    if (!rng.chance(LIKELIHOOD[field] ?? 0.18)) continue;
    const bogus = BOGUS_OPTIONS[field] && rng.chance(BOGUS * 3);
    const pool = bogus ? BOGUS_OPTIONS[field] : values.filter((value) => auto || value !== 'auto');
    chosen.push([field, rng.pick(pool)]);
  }
  // The order matters for maxAge and expires.
  if (rng.chance(0.5)) chosen.reverse();
  return Object.fromEntries(chosen);
}

function options(rng) {
  const result = { secret: rng.pick(SECRETS) };
  if (rng.chance(0.1)) {
    result.cookieByPath = { default: cookieOptions(rng, { auto: false }), '/app': cookieOptions(rng, { auto: false }) };
  } else if (rng.chance(0.95)) {
    result.cookie = cookieOptions(rng, { auto: true });
  }
  for (const flag of ['resave', 'saveUninitialized', 'rolling']) {
    if (rng.chance(0.85)) result[flag] = rng.chance(0.5);
  }
  if (rng.chance(0.4)) result.unset = rng.pick(['keep', 'destroy']);
  if (rng.chance(0.4)) result.proxy = rng.chance(0.5);
  if (rng.chance(0.3)) result.name = rng.pick(NAMES);
  if (rng.chance(0.4)) result.storeTouch = rng.chance(0.5);
  if (rng.chance(0.1)) result.genid = rng.pick(GENIDS);
  return result;
}

function storedRecord(rng, { loadable }) {
  const cookie = rng.pick(RECORD_COOKIES);
  const shapes = [
    () => ({ cookie }),
    () => ({ cookie, n: 1 }),
    () => ({ n: 1, cookie }),
    () => ({ cookie, user: 'ü€😀', cart: [1, { a: null }], n: 0 }),
  ];
  if (!loadable && rng.chance(0.15)) return rng.pick([{ n: 1 }, { cookie: null, n: 1 }]);
  return rng.pick(shapes)();
}

function handler(rng, world) {
  const operations = [];
  const deleted = new Set();
  const makers = [
    () => {
      const key = rng.pick(KEYS.filter((one) => !deleted.has(one)));
      return { op: 'set', key, value: rng.pick(VALUES) };
    },
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
    () => ({ op: 'advance', ms: rng.pick([1, 400, 2000]) }),
    () => ({ op: 'other.destroy', id: rng.pick(['sid1', 'sid2', ID]) }),
    // The number differs each time, and no handler touches that key: never only a new order of keys.
    () => ({
      op: 'other.set',
      id: rng.pick(['sid1', 'sid2', ID]),
      record: { cookie: rng.pick(RECORD_COOKIES), other: ++world.foreignWrites },
    }),
    () => ({ op: 'header', name: 'Set-Cookie', value: 'other=1' }),
    ...['keys', 'id', 'cookie', 'touch', 'save', 'reload', 'regenerate', 'destroy', 'unset'].map((op) => () => ({ op })),
  ];
  // Changes of data and cookie are the commonest, as they are in life.
  const weighted = [...makers, makers[0], makers[0], makers[3], makers[3], makers[3]];
  for (let left = rng.below(5); left > 0; left--) operations.push(rng.pick(weighted)());
  return operations;
}

function rawCookie(rng, name) {
  return rng.pick([
    '', ';', 'a; b; c', name, `${name}=`, `${name}=s:`, `${name}=s%3A`, `${name}=s%3A.`, `${name}=sid1`,
    `${name}=%E0%A4%A`, `${name}="s%3Asid1.x"`, `${name}=s%3Asid1.x; ${name}=s%3Asid1.y`,
  ]);
}

function cookie(rng, world, step) {
  const { name, secret, preload } = world;
  if (preload && rng.chance(0.5)) return { sign: { id: ID, secret: [secret].flat()[0] } };
  if (rng.chance(0.6)) return undefined; // the jar
  const kinds = [
    () => 'none',
    () => ({ raw: rawCookie(rng, name) }),
    () => ({ sign: { id: rng.pick(['sid1', 'sid2', ID, 'a.b', 'x y']), secret: rng.pick(['k1', 'k2', 'k3']) } }),
  ];
  if (step > 0) {
    const from = rng.below(step);
    kinds.push(
      () => ({ step: from }),
      () => ({ step: from, tamper: rng.pick(world.asciiIds ? TAMPERS : TAMPERS.filter((how) => how !== 'decoded')) }),
      () => ({
        step: from,
        before: rng.pick(['a=1', '=', 'novalue', `${name}=`, `${name}=junk`, `${name}=s%3Ajunk.sig`]),
        after: rng.pick(['', 'b=2', 'c="q"', `${name}=other`]),
      }),
    );
  }
  return rng.pick(kinds)();
}

function faults(rng, { unset }) {
  const calls = ['get', 'set', 'touch', 'destroy'];
  const result = {};
  for (let left = rng.chance(0.2) ? 2 : 1; left > 0; left--) {
    const call = rng.pick(calls);
    result[call] = call === 'get' && unset === 'destroy' ? 'ENOENT' : rng.pick(['EIO', 'ENOENT']);
  }
  return result;
}

function request(rng, world, step) {
  const result = { url: rng.pick(URLS), handler: handler(rng, world) };
  if (rng.chance(0.25)) result.headers = { 'x-forwarded-proto': rng.pick(FORWARDED) };
  if (rng.chance(0.2)) result.encrypted = rng.chance(0.7);
  if (rng.chance(0.2)) result.secure = rng.chance(0.7);
  const sent = cookie(rng, world, step);
  if (sent !== undefined) result.cookie = sent;
  if (rng.chance(0.08)) result.faults = faults(rng, world);
  if (rng.chance(0.1)) result.method = rng.pick(['POST', 'DELETE', 'HEAD']);
  if (rng.chance(0.1)) result.body = 'empty';
  if (rng.chance(0.05)) result.status = rng.pick([201, 302, 404, 503]);
  return result;
}

function scenario(rng, name) {
  const chosen = options(rng);
  const result = { name, start: START, options: chosen };
  if (rng.chance(0.4)) result.preload = { [ID]: storedRecord(rng, { loadable: chosen.unset === 'destroy' }) };
  const world = {
    name: chosen.name ?? 'connect.sid',
    secret: chosen.secret,
    preload: result.preload,
    unset: chosen.unset,
    asciiIds: /^[ -~]*$/.test(chosen.genid ?? ''),
    foreignWrites: 100,
  };
  let at = 0;
  result.requests = Array.from({ length: 2 + rng.below(4) }, (_, step) => {
    if (step > 0) at += rng.pick(STEPS_MS);
    return { at, ...request(rng, world, step) };
  });
  return result;
}

export function* random(seed, count) {
  const rng = generator(seed);
  for (let number = 0; number < count; number++) yield scenario(rng, `random seed=${seed} #${number}`);
}
