// Scenarios that each pin one rule of express-session, or a few. The name begins with the rules'
// numbers and says what the trace shows. Where a rule is "this, but not that", the companion request or
// scenario stands beside it: the trace would be another one if the rule were.

import { createHmac } from 'node:crypto';
import { tables } from './rules-tables.mjs';

const START = 1_700_000_000_000; // Tue, 14 Nov 2023 22:13:20 GMT
const ID = 'sid77'; // the preloaded session
const YEAR_MS = 365 * 86_400_000;

// ---------------------------------------------------------------- words

const get = (key) => ({ op: 'get', key });
const set = (key, value) => ({ op: 'set', key, value });
const del = (key) => ({ op: 'delete', key });
const setCookie = (field, value) => ({ op: 'cookie.set', field, value });
const advance = (ms) => ({ op: 'advance', ms });
const header = (name, value) => ({ op: 'header', name, value });
const otherSet = (id, record) => ({ op: 'other.set', id, record });
const otherDestroy = (id) => ({ op: 'other.destroy', id });
const [keys, id, cookie, touch, save, reload, regenerate, destroy, unset] = [
  'keys', 'id', 'cookie', 'touch', 'save', 'reload', 'regenerate', 'destroy', 'unset',
].map((op) => ({ op }));

const iso = (ms) => new Date(ms).toISOString();
const BARE = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };
const lasting = (maxAge, from = START) => ({ originalMaxAge: maxAge, expires: iso(from + maxAge), httpOnly: true, path: '/' });

/** Options under which nothing happens by itself: what a trace shows, the handler did. */
const QUIET = { secret: 'k1', resave: false, saveUninitialized: false };
/** express-session's own defaults. */
const DEFAULTS = { secret: 'k1' };

const stored = (data = { n: 1 }, itsCookie = BARE) => ({ [ID]: { cookie: itsCookie, ...data } });
const signed = (ofId, secret = 'k1') => ({ sign: { id: ofId, secret } });
const KNOWN = signed(ID);
const read = [get('n'), id];

/** The signed value as it is before percent-encoding. */
function plain(ofId, secret = 'k1') {
  return `s:${ofId}.${createHmac('sha256', secret).update(ofId).digest('base64').replace(/=+$/, '')}`;
}
const GOOD = encodeURIComponent(plain(ID));
const raw = (text) => ({ raw: text });

/** One request: the handler's operations and whatever else it needs. */
const ask = (handler, more = {}) => ({ handler, ...more });
const known = (handler, more = {}) => ({ handler, cookie: KNOWN, ...more });

function scenario(name, options, requests, more = {}) {
  return { name, start: START, options, ...more, requests };
}
const onStored = (name, options, requests, record = stored()) => scenario(name, options, requests, { preload: record });

// ---------------------------------------------------------------- 1 options

function* optionRules() {
  yield scenario('B-001 B-002 B-008 B-009 B-010 B-018 B-144: all defaults: saved and sent unasked, saved again, not sent again', DEFAULTS, [
    ask([]), ask([get('n'), cookie]),
  ]);
  yield scenario('B-008: resave off', { ...DEFAULTS, resave: false }, [ask([]), ask([])]);
  yield scenario('B-009: saveUninitialized off', { ...DEFAULTS, saveUninitialized: false }, [ask([]), ask([])]);
  yield scenario('B-010: rolling on', { ...DEFAULTS, rolling: true }, [ask([]), ask([])]);
  yield scenario('B-002: a name of its own', { ...DEFAULTS, name: 'my.sid' }, [ask([]), ask([id])]);
  yield scenario('B-002: the empty name is no name', { ...DEFAULTS, name: '' }, [ask([]), ask([id])]);
  for (const genid of ['a.b#', 'x y#', 'é#', '%#', '"#"', '/+=#']) {
    yield scenario(`B-007 B-054: the id is what genid gives: ${genid}`, { ...QUIET, genid }, [ask([set('n', 1), id]), ask(read)]);
  }
  for (const option of [undefined, 'keep', 'destroy']) {
    yield onStored(`B-011 B-109: unset: ${option ?? 'default'}`, { ...QUIET, ...(option && { unset: option }) }, [known([unset]), known(read)]);
  }
  yield scenario('B-012: an empty list of secrets is refused', { ...QUIET, secret: [] }, [ask([])]);
  yield scenario('B-012: one secret, or a list of it, is the same', { ...QUIET, secret: ['k1'] }, [ask([set('n', 1)]), ask(read, { cookie: signed('sid1') })]);
  yield scenario('B-014: a secret outside ASCII is UTF-8', { ...QUIET, secret: 'ключ ü' }, [ask([set('n', 1)]), ask(read), ask(read, { cookie: signed('sid1', 'ключ ü') })]);

  const secureCookie = { ...QUIET, cookie: { secure: true } };
  yield scenario('B-016 B-158: proxy not given: what the framework says counts', secureCookie, [
    ask([set('n', 1)], { secure: true }), ask([set('n', 1)], { secure: false, cookie: 'none' }), ask([set('n', 1)], { cookie: 'none' }),
  ]);
  yield scenario('B-017 B-018: no cookie options, and empty ones', { ...DEFAULTS, cookie: {} }, [ask([cookie])]);

  const byPath = { default: { maxAge: 1000 }, '/app': { maxAge: 2000, path: '/app' }, '/app/deep': { httpOnly: false, path: '/app' } };
  yield scenario('B-017: options by request: each path its own', { ...QUIET, cookieByPath: byPath }, [
    ask([set('n', 1), cookie], { cookie: 'none' }),
    ask([set('n', 1), cookie], { cookie: 'none', url: '/app/x' }),
    ask([set('n', 1), cookie], { cookie: 'none', url: '/app/deep/x' }),
  ]);
  yield scenario('B-017 B-037: the path that is checked is that of the request\'s own options', { ...QUIET, cookieByPath: { default: { path: '/nowhere' }, '/app': { path: '/app' } } }, [
    ask([set('n', 1)]), ask([set('n', 1)], { url: '/app' }),
  ]);
  yield scenario('B-031 B-072: options by request are for new sessions; a loaded one keeps its own, a regenerated one gets the new', { ...QUIET, rolling: true, cookieByPath: byPath }, [
    ask([set('n', 1)], { url: '/app/x' }), ask([cookie]), ask([regenerate, cookie]),
  ]);

  yield scenario('B-019 B-020 B-086: expires after maxAge: expires wins', { ...QUIET, cookie: { maxAge: 3000, expires: START + 60_000 } }, [ask([set('n', 1), cookie])]);
  yield scenario('B-019 B-020 B-088: maxAge after expires: maxAge wins', { ...QUIET, cookie: { expires: START + 60_000, maxAge: 3000 } }, [ask([set('n', 1), cookie])]);
  yield scenario('B-019 B-144: maxAge null after expires: no expiry', { ...QUIET, cookie: { expires: START + 60_000, maxAge: null } }, [ask([set('n', 1), cookie])]);

  const bad = {
    domain: ['bad domain', 'ex;ample', 'a..b', '-a.test', 'a-.test', 'a_b.test', 'a.test.', 'a.test:80', '.', '..a.test', `${'a'.repeat(64)}.test`, 'ü.test'],
    sameSite: ['bogus', 'lax ', ' strict'],
    priority: ['bogus', 'higher', ' low'],
  };
  for (const [field, values] of Object.entries(bad)) {
    for (const value of values) {
      const rule = { domain: 'B-146', sameSite: 'B-150', priority: 'B-149' }[field];
      yield scenario(`B-026 B-152 ${rule}: ${field} "${value}" can't be sent: no cookie, an error, saved all the same`, { ...QUIET, cookie: { [field]: value } }, [
        ask([set('n', 1)]), ask([set('n', 2)], { cookie: signed('sid1') }),
      ]);
    }
  }
  for (const path of ['/a;b', '/a;']) {
    yield scenario(`B-026 B-147: path "${path}" can't be sent`, { ...QUIET, cookie: { path } }, [ask([set('n', 1)], { url: '/a;b' })]);
  }
  for (const name of ['a b', 'a=b', 'a;b', 'a,b', 'a"b', '(a)', 'ключ', 'a\tb', 'a/b', '[a]', '{a}', 'a@b', 'a:b', 'a?b', 'a<b', 'a\\b']) {
    yield scenario(`B-026 B-151: name "${name}" can't be sent`, { ...QUIET, name }, [ask([set('n', 1)])]);
  }

  for (const secure of [true, false]) {
    yield scenario(`B-027: secure auto, new over ${secure ? 'TLS' : 'plain HTTP'}`, { ...QUIET, cookie: { secure: 'auto' } }, [ask([set('n', 1)], { encrypted: secure })]);
    yield scenario(`B-028: sameSite auto, new over ${secure ? 'TLS' : 'plain HTTP'}`, { ...QUIET, cookie: { sameSite: 'auto' } }, [ask([set('n', 1)], { encrypted: secure })]);
    yield scenario(`B-029: secure auto and sameSite strict, new over ${secure ? 'TLS' : 'plain HTTP'}`, { ...QUIET, cookie: { secure: 'auto', sameSite: 'strict' } }, [ask([set('n', 1)], { encrypted: secure })]);
    yield scenario(`B-029: both auto, new over ${secure ? 'TLS' : 'plain HTTP'}`, { ...QUIET, cookie: { secure: 'auto', sameSite: 'auto' } }, [ask([set('n', 1)], { encrypted: secure })]);
  }
  yield scenario('B-029 B-155: sameSite auto with secure false on TLS: None without Secure', { ...QUIET, cookie: { secure: false, sameSite: 'auto' } }, [ask([set('n', 1)], { encrypted: true })]);
  yield scenario('B-029 B-136: sameSite auto with secure true on plain HTTP: no cookie', { ...QUIET, cookie: { secure: true, sameSite: 'auto' } }, [ask([set('n', 1)])]);
  yield scenario('B-027 B-161: auto is settled when the session is made, not when it is sent', { ...QUIET, rolling: true, cookie: { secure: 'auto', sameSite: 'auto' } }, [
    ask([set('n', 1)]), ask([get('n')], { encrypted: true }), ask([regenerate], { encrypted: true }), ask([get('n')]), ask([get('n')], { encrypted: true }),
  ]);
  for (const [field, values] of [['sameSite', ['LAX', 'Strict', 'nOnE']], ['priority', ['LOW', 'mEdium', 'High']]]) {
    for (const value of values) {
      yield scenario(`B-033: ${field} "${value}": names in any case`, { ...QUIET, cookie: { [field]: value } }, [ask([set('n', 1)])]);
    }
  }
}

// ---------------------------------------------------------------- 2 taking part

function* pathRules() {
  const at = (path, urls) => [
    { ...DEFAULTS, cookie: { path } },
    urls.map((url) => ask([set('n', 1)], { url, cookie: 'none' })),
  ];
  yield scenario('B-037 B-040 B-042 B-043: cookie path /app: the URL\'s path must begin with it, letter by letter', ...at('/app', [
    '/', '/ap', '/app', '/app/', '/app/x', '/app?q', '/application', '/App', '/x/app', '/?/app',
  ]));
  yield scenario('B-037 B-040: cookie path /app/: with the slash', ...at('/app/', ['/app', '/app/', '/app/x', '/app?/', '/application']));
  yield scenario('B-037 B-145: an empty cookie path matches everywhere and is not sent', ...at('', ['/', '/app']));
  yield scenario('B-041: the raw URL is compared, so a path with a space never matches', ...at('/a b', ['/a%20b', '/a+b', '/']));
  yield scenario('B-041: an escaped cookie path matches the escaped URL', ...at('/a%20b', ['/a%20b', '/a%20b/c', '/']));
  yield scenario('B-038: an absolute URL is reduced to its path', ...at('/bar', ['http://foo/bar', 'http://foo/', 'http://bar/foo']));
  yield onStored('B-037 B-042: another path: the store is not asked, the handler has no session, nothing is sent', { ...DEFAULTS, rolling: true, unset: 'destroy', cookie: { path: '/app' } }, [
    known([get('n'), set('n', 2), save, unset], { url: '/' }), known(read, { url: '/app' }),
  ]);
}

// ---------------------------------------------------------------- 3 reading the cookie

function* cookieRules() {
  const reads = (name, ...headers) => onStored(name, QUIET, headers.map((text) => ask(read, { cookie: raw(text) })));
  const good = `connect.sid=${GOOD}`;

  const escapedThroughout = plain(ID).replace(/[^]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

  yield reads('B-044: pairs are split at semicolons; what has no "=" is skipped', good, `a=1;${good};b=2`, `novalue; ${good}; x`, `connect.sid; ${good}`, `;;;${good};;`, `=; ${good}`, `=x; ${good}`, `${good},a=1`);
  yield reads('B-044: name and value part at the first "="', `a=connect.sid=${GOOD}`, `connect.sid==${GOOD}`, `connect.sid=${GOOD}=`);
  yield onStored('B-044: only the Cookie header is read', QUIET, [ask(read, { cookie: 'none', headers: { 'x-cookie': good, authorization: good, 'set-cookie': good }, url: `/?${good}` })]);
  yield reads('B-045: spaces and tabs around name and value are trimmed', `  connect.sid  =  ${GOOD}  `, `\tconnect.sid\t=\t${GOOD}\t`, `a=1; \t connect.sid =${GOOD} \t; b=2`);
  yield reads('B-045: a space within the name or the value is not', `connect. sid=${GOOD}`, `connect.sid=${GOOD.slice(0, 9)} ${GOOD.slice(9)}`);
  yield reads('B-046: a quoted value loses one pair of quotes', `connect.sid="${GOOD}"`, `connect.sid= "${GOOD}" `);
  yield reads('B-046: only one pair, and only a pair', `connect.sid=""${GOOD}""`, `connect.sid="${GOOD}`, `connect.sid=${GOOD}"`, `connect.sid='${GOOD}'`);
  yield reads('B-047: percent-encoding in any amount and case', `connect.sid=${GOOD.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())}`, `connect.sid=${escapedThroughout}`);
  yield reads('B-047: decoded once only', `connect.sid=${GOOD.replaceAll('%', '%25')}`);
  yield scenario('B-047: what can\'t be decoded is taken as it is', { ...QUIET, genid: '%zz#' }, [ask([set('n', 1)]), ask(read, { cookie: raw(`connect.sid=${plain('%zz1')}`) }), ask(read, { cookie: raw(`connect.sid=${plain('%zz1').replace('s:', 's%3A')}`) })]);
  yield scenario('B-047: an id outside ASCII comes back decoded', { ...QUIET, genid: 'é😀#' }, [ask([set('n', 1)]), ask(read)]);
  yield scenario('B-047 B-048: header bytes are read as Latin-1', { ...QUIET, genid: 'é#' }, [ask([set('n', 1)]), ask(read, { cookie: { step: 0, tamper: 'decoded' } })]);
  yield reads('B-047: percent-encoded bytes that are no UTF-8 decode to nothing: taken raw', `connect.sid=s%3A%ff.x`, `connect.sid=%E0%A4%A`, `connect.sid=%`, `x=%ff; ${good}`);
  yield reads('B-048: undecoded, as it is', `connect.sid=${plain(ID)}`);
  yield reads('B-049 B-050: the first pair of that name wins, even if empty', `connect.sid=; ${good}`, `${good}; connect.sid=`);
  yield reads('B-049 B-050: the first pair of that name wins, even if unsigned', `connect.sid=junk; ${good}`, `${good}; connect.sid=junk`);
  yield reads('B-049 B-050: the first pair of that name wins, even if forged', `connect.sid=s%3A${ID}.AAAA; ${good}`, `${good}; connect.sid=s%3A${ID}.AAAA`);
  yield reads('B-049: the first pair of that name wins, even if well signed for nothing', `connect.sid=${encodeURIComponent(plain('sid99'))}; ${good}`, `${good}; connect.sid=${encodeURIComponent(plain('sid99'))}`);
  yield reads('B-051: names are compared exactly', `Connect.sid=${GOOD}`, `CONNECT.SID=${GOOD}`, `connect%2Esid=${GOOD}`, `"connect.sid"=${GOOD}`, `xconnect.sid=${GOOD}`, `connect.sidx=${GOOD}`);
  yield onStored('B-052: the shortest headers hold no cookie', { ...QUIET, name: 'a' }, ['', 'a', '=', ';', 'a='].map((text) => ask(read, { cookie: raw(text) })));
  yield reads('B-053: without "s:" it is unsigned and ignored', `connect.sid=${ID}`, `connect.sid=${plain(ID).slice(2)}`, `connect.sid=S:${plain(ID).slice(2)}`, `connect.sid=x:${plain(ID).slice(2)}`, `connect.sid=s.${plain(ID).slice(2)}`, `connect.sid=${plain(ID).slice(1)}`, `connect.sid=%20${GOOD}`);
  yield reads('B-054: a signature is all that comes after the last dot', `connect.sid=s%3A${ID}`, `connect.sid=${GOOD}.`, `connect.sid=${GOOD}.x`, `connect.sid=${GOOD.replace('.', '..')}`);
  yield onStored('B-054: an id may contain dots, begin and end with one', QUIET, ['a.b', '.a', 'a.', '..'].map((dotted) => ask(read, { cookie: signed(dotted) })),
    Object.fromEntries(['a.b', '.a', 'a.', '..'].map((dotted) => [dotted, { cookie: BARE, n: dotted }])));

  const tampers = ['flip-last', 'truncate', 'strip-prefix', 'strip-signature', 'append', 'pad'];
  yield onStored('B-055 B-057: a changed signature or none: no id, the store is not asked', QUIET, tampers.map((tamper) => known(read, { cookie: { ...KNOWN, tamper } })));
  yield onStored('B-046 B-047 B-048: what leaves the meaning as it is: quoted, lower-case hex, undecoded', QUIET, ['quoted', 'lower-hex', 'decoded'].map((tamper) => known(read, { cookie: { ...KNOWN, tamper } })));
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const value = plain(ID);
  const sameBytes = value.slice(0, -1) + alphabet[alphabet.indexOf(value.at(-1)) ^ 1];
  yield reads('B-055: another spelling of the same signature bytes fails', `connect.sid=${encodeURIComponent(sameBytes)}`, `connect.sid=${encodeURIComponent(value)}`);
  const urlSafe = ['sid77', 'sid1', 'a', 'b', 'c', 'd'].find((one) => /[+/]/.test(plain(one)));
  yield onStored('B-054 B-055: the URL-safe alphabet fails', QUIET, [
    ask(read, { cookie: raw(`connect.sid=${plain(urlSafe).replaceAll('+', '-').replaceAll('/', '_')}`) }), ask(read, { cookie: signed(urlSafe) }),
  ], { [urlSafe]: { cookie: BARE, n: 1 } });
  yield onStored('B-055: a signature of another id, and none at all', QUIET, [
    ask(read, { cookie: raw(`connect.sid=s%3A${ID}.${encodeURIComponent(plain('sid99').split('.')[1])}`) }), ask(read, { cookie: raw(`connect.sid=s%3A${ID}.`) }),
  ]);

  const three = { ...QUIET, secret: ['k1', 'k2', 'k3'] };
  yield onStored('B-056: any of the secrets verifies', three, ['k1', 'k2', 'k3', 'k4'].map((secret) => ask(read, { cookie: signed(ID, secret) })));
  yield scenario('B-056: the first secret signs', three, [ask([set('n', 1)]), ask(read, { cookie: signed('sid1', 'k1') })]);
  yield onStored('B-057 B-063: forged: a new id, the store is not asked', { ...QUIET, saveUninitialized: true }, [known(read, { cookie: signed(ID, 'wrong') })]);
  yield onStored('B-058: an empty id, even well signed, is none', QUIET, [ask(read, { cookie: raw(`connect.sid=${encodeURIComponent(plain(''))}`) })], { '': { cookie: BARE, n: 1 } });
  yield onStored('B-060 B-061: an old secret is no reason to send; when sent, the first one signs', { ...three, cookie: { maxAge: 60_000 } }, [
    known(read, { cookie: signed(ID, 'k2') }), known([set('n', 2)], { cookie: signed(ID, 'k2') }), ask(read),
  ], stored({ n: 1 }, lasting(60_000)));
  yield onStored('B-060: with rolling it is sent in any case, signed by the first', { ...three, rolling: true }, [known(read, { cookie: signed(ID, 'k2') }), ask(read)]);
  yield onStored('B-212: garbled cookies are never an error', QUIET, [
    `connect.sid=s%3A`, `connect.sid=s:`, `connect.sid=s%3A.`, `connect.sid=s%3A..`, `connect.sid=${'A'.repeat(4000)}`, `connect.sid=s%3A${'%00'.repeat(20)}.x`,
    `connect.sid="`, `connect.sid=""`, '====;;;;', '%%%=%%%', `connect.sid=s%3A${ID}.%F0%9F%98%80`,
  ].map((text) => ask(read, { cookie: raw(text) })));
}

// ---------------------------------------------------------------- 4 loading

function* loadRules() {
  yield onStored('B-063: no cookie: the store is not asked', QUIET, [ask(read)]);
  yield onStored('B-064 B-065: found', QUIET, [known([...read, keys, cookie])]);
  yield onStored('B-065: not found: a new id, never the client\'s', DEFAULTS, [ask(read, { cookie: signed('chosen-by-client') })]);
  yield onStored('B-066: ENOENT is not found; the record stays', DEFAULTS, [known(read, { faults: { get: 'ENOENT' } }), known(read)]);
  yield onStored('B-067 B-207: any other error: no session, no handler', DEFAULTS, [known(read, { faults: { get: 'EIO' } }), known(read)]);
  yield onStored('B-068 B-200: an expired record is not found, and gone', DEFAULTS, [known(read)], stored({ n: 1 }, lasting(-1)));
  for (const [what, record] of [['no cookie', { n: 1 }], ['cookie null', { cookie: null, n: 1 }]]) {
    yield onStored(`B-069: a record with ${what}: an error, and it stays`, DEFAULTS, [known(read), ask(read)], { [ID]: record });
  }
  yield onStored('B-071: an empty stored cookie gets path and httpOnly', { ...QUIET, rolling: true }, [known([cookie])], stored({ n: 1 }, {}));
  yield onStored('B-071 B-072: stored path, httpOnly false and the rest stay', { ...QUIET, rolling: true }, [known([cookie])], stored({ n: 1 }, {
    originalMaxAge: 60_000, partitioned: true, priority: 'high', expires: iso(START + 60_000), httpOnly: false, domain: 'example.test', path: '/x', sameSite: 'lax',
  }));
  yield onStored('B-071 B-091: originalMaxAge is the stored one, whatever is left of expires', { ...QUIET, rolling: true }, [known([cookie])], stored({ n: 1 }, { ...BARE, originalMaxAge: 60_000, expires: iso(START + 10) }));
  yield onStored('B-071: a stored originalMaxAge without expires gives an expiry at the first touch', { ...QUIET, rolling: true }, [known([cookie])], stored({ n: 1 }, { ...BARE, originalMaxAge: 60_000 }));
  yield onStored('B-022: a key that a cookie does not know is not stored again', QUIET, [known([set('n', 2)])], stored({ n: 1 }, { ...BARE, unknown: 1 }));
  yield onStored('B-072 B-073: changed options reach new sessions only', { ...QUIET, rolling: true, cookie: { maxAge: 5000, path: '/app', httpOnly: false, sameSite: 'strict' } }, [
    known([cookie], { url: '/app' }), ask([regenerate, cookie], { url: '/app' }),
  ]);
  for (const [what, fields] of [['no', {}], ['null', { originalMaxAge: null }]]) {
    yield onStored(`B-074: expires with ${what} originalMaxAge: the first touch clears the expiry`, { ...QUIET, rolling: true }, [known([cookie, touch, cookie]), ask([cookie], { at: 100_000 })], stored({ n: 1 }, { ...fields, expires: iso(START + 60_000), httpOnly: true, path: '/' }));
  }

  const reserved = [
    'id', 'req', 'save', 'touch', 'reload', 'destroy', 'regenerate', 'resetMaxAge', 'constructor', 'hasOwnProperty', 'isPrototypeOf',
    'propertyIsEnumerable', 'toLocaleString', 'toString', 'valueOf', '__defineGetter__', '__defineSetter__', '__lookupGetter__', '__lookupSetter__',
  ];
  for (const key of reserved) {
    yield onStored(`B-075 B-076: the reserved key "${key}" is not copied, and the record is written without it`, QUIET, [known([keys, id]), known([keys])], stored({ [key]: 'x', n: 1 }));
  }
  yield onStored('B-075 B-076: "__proto__" as a key of the record', QUIET, [known([keys]), known([keys])], JSON.parse(`{"${ID}":{"cookie":${JSON.stringify(BARE)},"__proto__":"x","n":1}}`));
  const ordinary = ['Id', 'request', 'saved', 'length', 'name', 'maxAge', 'prototype', 'session', 'sessionID', 'expires', '_id', 'data', 'json', 'cookies', ''];
  yield onStored('B-075: names that are only like them are copied', QUIET, [known([keys])], stored(Object.fromEntries(ordinary.map((key) => [key, 1]))));
  yield onStored('B-076: with expiry, each read of such a record is sent as a modified session', QUIET, [known([keys])], stored({ save: 1, n: 1 }, lasting(60_000)));

  for (const resave of [false, true]) {
    yield onStored(`B-077 B-112: loaded and unchanged, resave ${resave ? 'on: saved' : 'off: touched'}`, { ...QUIET, resave }, [known(read)]);
  }
  yield scenario('B-078 B-083: a new session: id from genid, no data, cookie from the options', { ...DEFAULTS, genid: 'new-#', cookie: { maxAge: 1000 } }, [ask([id, keys, cookie])]);
  yield onStored('B-079: a generated id is not checked against the store', { ...DEFAULTS, genid: ID }, [ask([get('n'), id])]);
}

// ---------------------------------------------------------------- 5 session and cookie

function* sessionRules() {
  yield scenario('B-083 B-084: the record is the cookie and the data', QUIET, [ask([set('b', 1), set('a', { z: 1, y: [null] }), set('7', 1), keys]), ask([keys, get('a')])]);
  const everything = { maxAge: 60_000, partitioned: true, priority: 'medium', secure: false, httpOnly: false, domain: 'example.test', path: '/', sameSite: 'lax' };
  yield scenario('B-085: all fields of the stored cookie', { ...QUIET, cookie: everything }, [ask([set('n', 1)])]);
  yield scenario('B-085: what is not set is left out', QUIET, [ask([set('n', 1)])]);

  const lastingOptions = { ...QUIET, cookie: { maxAge: 60_000 } };
  yield scenario('B-086: setting expires sets originalMaxAge to what is left', lastingOptions, [ask([advance(1000), setCookie('expires', START + 11_000), cookie, set('n', 1)])]);
  yield scenario('B-086 B-087: expires null', lastingOptions, [ask([setCookie('expires', null), cookie, set('n', 1)])]);
  yield scenario('B-087: maxAge is what is left, also below zero', lastingOptions, [ask([cookie, advance(59_999), cookie, advance(1), cookie, advance(1), cookie])]);
  yield scenario('B-088: setting maxAge: from now', lastingOptions, [ask([advance(500), setCookie('maxAge', 1000), cookie, advance(100), cookie])]);
  yield scenario('B-088: maxAge null', lastingOptions, [ask([setCookie('maxAge', null), cookie, set('n', 1)])]);
  yield scenario('B-089: a changed maxAge is remembered in the record and used by later touches', lastingOptions, [
    ask([setCookie('maxAge', 10_000), set('n', 1)]), ask([touch, cookie], { at: 5000 }), ask([cookie], { at: 12_000 }),
  ]);
  yield scenario('B-090: setting originalMaxAge takes effect at the next touch', lastingOptions, [ask([setCookie('originalMaxAge', 5000), cookie, touch, cookie, set('n', 1)])]);
  yield scenario('B-091 B-185: touch(): expires is now and originalMaxAge', lastingOptions, [ask([advance(700), cookie, touch, cookie])]);
  yield scenario('B-091: touch() without expiry', QUIET, [ask([advance(700), touch, cookie])]);
  yield onStored('B-185: touch() itself calls no store', { ...QUIET, storeTouch: false }, [known([advance(700), touch, cookie])], stored({ n: 1 }, lasting(60_000)));

  yield scenario('B-092 B-093: expires false: no Expires, stored as false, and sent with each change', QUIET, [
    ask([setCookie('expires', false), cookie, set('n', 1)]), ask([cookie, set('n', 2)]), ask([get('n')]),
  ]);
  yield scenario('B-092 B-153: expires null: not sent again', QUIET, [ask([setCookie('expires', null), cookie, set('n', 1)]), ask([cookie, set('n', 2)])]);

  yield scenario('B-094: an absolute expires as an option slides', { ...QUIET, rolling: true, cookie: { expires: START + 10_000 } }, [
    ask([advance(400), cookie, set('n', 1), cookie]), ask([cookie], { at: 3000 }), ask([cookie], { at: 6000 }), ask([cookie], { at: 11_000 }),
  ]);
  yield scenario('B-094: an absolute expires that was assigned slides', { ...QUIET, rolling: true }, [
    ask([setCookie('expires', START + 10_000), advance(400), set('n', 1), cookie]), ask([cookie], { at: 3000 }), ask([cookie], { at: 12_000 }),
  ]);
  for (const maxAge of [0, -1000]) {
    yield scenario(`B-096: maxAge ${maxAge}: sent as past, saved, gone at the next request`, { ...DEFAULTS, cookie: { maxAge } }, [ask([set('n', 1), cookie]), ask([get('n'), id]), ask([id], { at: 1000 })]);
  }
  for (const maxAge of [9e15, -9e15]) {
    yield scenario(`B-097: maxAge ${maxAge} is no date: no cookie, an error, a record with nulls`, { ...QUIET, cookie: { maxAge } }, [ask([set('n', 1)])]);
  }

  const expiring = stored({ n: 1, list: [1, { cookie: 1 }], o: { a: 1, b: 2 } }, lasting(60_000));
  const change = (name, ...operations) => onStored(name, QUIET, [known(operations), known([])], expiring);
  yield change('B-098 B-099: a changed value', set('n', 2));
  yield change('B-098: a new key', set('m', null));
  yield change('B-098: a deleted key', del('n'));
  yield change('B-098 B-101: deleting what is not there is no change', del('m'));
  yield change('B-098: a new id', regenerate);
  yield change('B-099: a nested key named cookie counts', set('list', [1, { cookie: 2 }]));
  yield change('B-099: a nested key in a value counts', set('o', { a: 1, b: 3 }));
  yield change('B-100: only the cookie changed', setCookie('path', '/x'), setCookie('httpOnly', false), setCookie('sameSite', 'lax'));
  yield change('B-101: an equal value', set('n', 1), set('list', [1, { cookie: 1 }]));
  yield change('B-101: written and written back', set('n', 2), set('n', 1));
  yield change('B-101: added and deleted again', set('m', 1), del('m'));
  yield change('B-101: another type is another value', set('n', '1'));
  yield change('B-102: the last key deleted and added again is no change', del('o'), set('o', { a: 1, b: 2 }));
}

// ---------------------------------------------------------------- 6 deciding

function* decisionRules() {
  // The end touches the session before it decides about the cookie.
  yield onStored('B-106 B-110: a record with a length and no end gets one, and the browser hears of it', QUIET, [known([set('n', 2)])], stored({}, { ...BARE, originalMaxAge: 3000 }));
  yield onStored('B-106 B-110 B-074: a record with an end and no length loses it, and nothing is sent', QUIET, [known([set('n', 2)])], stored({}, { ...BARE, expires: iso(START + 3000) }));
  yield scenario('B-106 B-110 B-090: a length taken away in the handler', { ...QUIET, cookie: { maxAge: 60000 } }, [ask([set('n', 1)]), ask([set('n', 2), setCookie('originalMaxAge', null)])]);
  yield scenario('B-106 B-110 B-090: a length given in the handler', QUIET, [ask([set('n', 1)]), ask([set('n', 2), setCookie('originalMaxAge', 3000)])]);
  const flags = (name, run) => [false, true].map((on) => run(on, `${name} ${on ? 'on' : 'off'}`));
  for (const rolling of [false, true]) {
    for (const [what, itsCookie] of [['browser session', BARE], ['expiring', lasting(60_000)]]) {
      for (const [did, operations] of [['unchanged', []], ['modified', [set('n', 2)]]]) {
        yield onStored(`B-106 B-114 B-153: known, ${what}, ${did}, rolling ${rolling ? 'on' : 'off'}`, { ...DEFAULTS, resave: false, rolling }, [known(operations)], stored({ n: 1 }, itsCookie));
      }
    }
  }
  yield* flags('B-106 B-107: new and untouched, saveUninitialized', (saveUninitialized, name) => scenario(name, { ...QUIET, saveUninitialized }, [ask([])]));
  yield* flags('B-106 B-107: new and modified, saveUninitialized', (saveUninitialized, name) => scenario(name, { ...QUIET, saveUninitialized }, [ask([set('n', 1)])]));
  yield* flags('B-107: new, modified and saved by the handler, resave', (resave, name) => scenario(name, { ...QUIET, resave }, [ask([set('n', 1), save])]));
  yield* flags('B-108 B-190: known and unchanged, touch in the store', (storeTouch, name) => onStored(name, { ...QUIET, storeTouch }, [known([])]));
  yield onStored('B-108: new: never a touch', QUIET, [ask([]), ask([], { cookie: signed('sid99') })]);
  for (const [what, operations] of [['destroy()', [destroy]], ['null', [unset]]]) {
    for (const option of ['keep', 'destroy']) {
      yield onStored(`B-109 B-110 B-111 B-123 B-154 B-216: ${what} of a loaded session, unset ${option}`, { ...QUIET, rolling: true, unset: option }, [known([set('n', 2), ...operations]), known(read)], stored({ n: 1 }, lasting(60_000)));
      yield scenario(`B-109 B-123 B-128: ${what} of a session never stored, unset ${option}`, { ...DEFAULTS, unset: option }, [ask(operations), ask([id])]);
    }
  }
  yield* flags('B-112: new and untouched: no matter that resave is', (resave, name) => scenario(name, { ...QUIET, resave }, [ask([]), ask([], { cookie: signed('sid99') })]));
  yield* flags('B-113: loaded, save() and nothing after it: one save, then a touch; resave', (resave, name) => onStored(name, { ...QUIET, resave }, [known([save]), known([set('n', 2), save])]));
  yield* flags('B-113: reloaded, then saved; resave', (resave, name) => onStored(name, { ...QUIET, resave }, [known([reload, save])]));
  yield* flags('B-114: known: no matter that saveUninitialized is', (saveUninitialized, name) => onStored(name, { ...QUIET, saveUninitialized }, [known([]), known([set('n', 2)])]));

  yield scenario('B-124: save() of an unchanged new session stores it and sends nothing', QUIET, [ask([save, id]), ask([id])]);
  yield scenario('B-124: with a change it is sent', QUIET, [ask([set('n', 1), save, id]), ask(read)]);
  yield onStored('B-125: a new session from regenerate() is saved again at the end', QUIET, [known([regenerate, set('n', 2), save]), ask(read)]);
  for (const [options, data, handler] of [
    [DEFAULTS, { n: 1 }, [regenerate, set('m', 2), save]], [DEFAULTS, { n: 1 }, [regenerate, save]], [DEFAULTS, {}, [regenerate, save]],
    [QUIET, { n: 1 }, [regenerate, set('m', 2), save]], [QUIET, { n: 1 }, [regenerate, set('n', 1), save]], [QUIET, { n: 1 }, [regenerate, save]],
    [QUIET, {}, [regenerate, save]], [QUIET, {}, [regenerate]], [QUIET, {}, [regenerate, set('n', 1), save, del('n')]],
    [{ ...QUIET, rolling: true }, {}, [regenerate, save]], [{ ...QUIET, saveUninitialized: true }, {}, [regenerate, save]],
  ]) {
    const text = `resave ${options.resave !== false}, ${handler.map(({ op }) => op).join(' ')} of ${JSON.stringify(data)}`;
    yield scenario(`B-125: the new id is the old one: ${text}${options.rolling ? ', rolling' : ''}${options.saveUninitialized ? ', saveUninitialized' : ''}`, options,
      [ask(handler, { cookie: signed('sid1') }), ask(read, { cookie: signed('sid1') })], { preload: { sid1: stored(data)[ID] } });
  }
  yield onStored('B-126: an empty regenerated session is saved and sent', QUIET, [known([regenerate]), ask(read)]);
  yield onStored('B-127: destroy() with unset destroy destroys twice', { ...QUIET, unset: 'destroy' }, [known([destroy])]);
  yield scenario('B-129: cookie.maxAge alone reaches a known browser with rolling only', QUIET, [
    ask([set('n', 1)]), ask([setCookie('maxAge', 60_000)]), ask([cookie]), ask([setCookie('maxAge', 90_000), set('n', 2)]),
  ]);
  yield scenario('B-129: the same with rolling', { ...QUIET, rolling: true }, [ask([set('n', 1)]), ask([setCookie('maxAge', 60_000)]), ask([cookie])]);
  yield scenario('B-129: without touch in the store it is not even stored', { ...QUIET, storeTouch: false }, [ask([set('n', 1)]), ask([setCookie('maxAge', 60_000)]), ask([cookie])]);
  yield scenario('B-215: a new session: cookie.maxAge alone is sent and stored', { ...QUIET, saveUninitialized: true }, [ask([setCookie('maxAge', 60_000)]), ask([cookie])]);

  const newer = { cookie: BARE, n: 100 };
  yield* flags('B-130: a newer record is overwritten by a reader; resave', (resave, name) => onStored(name, { ...QUIET, resave }, [known([get('n'), otherSet(ID, newer)]), known(read)]));
  yield* flags('B-130 B-131: a destroyed session comes back through a reader; resave', (resave, name) => onStored(name, { ...QUIET, resave }, [known([otherDestroy(ID)]), known(read)]));
  yield onStored('B-130: a destroyed session comes back through save()', QUIET, [known([otherDestroy(ID), save]), known(read)]);
  yield onStored('B-130: a destroyed session comes back through a writer', QUIET, [known([otherDestroy(ID), set('n', 2)]), known(read)]);
  yield onStored('B-132: after somebody else\'s change a reload is written back', QUIET, [known([otherSet(ID, newer), reload, get('n')])]);
  yield onStored('B-132: after somebody else\'s equal write it is not', QUIET, [known([otherSet(ID, stored()[ID]), reload, get('n')])]);
}

// ---------------------------------------------------------------- 7 Set-Cookie

function* lineRules() {
  const line = (name, cookieOptions, more = {}) => scenario(name, { ...QUIET, cookie: cookieOptions }, [ask([set('n', 1)], more)]);

  yield scenario('B-134: the handler\'s own lines stay, ours comes last', QUIET, [ask([header('Set-Cookie', 'a=1'), set('n', 1), header('Set-Cookie', 'connect.sid=theirs; Path=/x')])]);
  yield scenario('B-134: with nothing of ours to send, theirs stay', QUIET, [ask([header('Set-Cookie', 'a=1'), header('Set-Cookie', 'b=2')])]);
  yield scenario('B-135: one line, whatever happened', { ...DEFAULTS, rolling: true }, [ask([set('n', 1), save, save, regenerate, set('n', 2), save, touch])]);

  yield scenario('B-136 B-137: a secure cookie on plain HTTP: not sent, saved all the same, an orphan each time', { ...QUIET, cookie: { secure: true } }, [ask([set('n', 1)]), ask([set('n', 1)])]);
  yield scenario('B-136: a secure cookie on TLS', { ...QUIET, cookie: { secure: true } }, [ask([set('n', 1)], { encrypted: true }), ask(read)]);
  yield scenario('B-138: Expires as sent and as stored is the same moment, counted from the end', { ...QUIET, rolling: true, cookie: { maxAge: 60_000 } }, [ask([advance(1500), set('n', 1)]), ask([advance(2500)], { at: 10_000 })]);
  yield scenario('B-138: not sent, but touched at the end', { ...QUIET, cookie: { maxAge: 60_000 } }, [ask([set('n', 1)]), ask([advance(2500)], { at: 10_000 })]);
  yield scenario('B-138: no line for a plain connection, the end still touches', { ...QUIET, cookie: { maxAge: 60_000, secure: true } }, [ask([advance(1500), set('n', 1)])]);

  for (const genid of ["-_.!~*'()#", ' "#<>,;', '/+:=?&@#', '€😀é#', '%25#', '[]{}|^`\\#', '\t\n#']) {
    yield scenario(`B-139: the value's encoding: ${JSON.stringify(genid)}`, { ...QUIET, genid }, [ask([set('n', 1)]), ask(read)]);
  }
  yield line('B-140 B-148: all attributes, in order', { maxAge: 60_000, path: '/', domain: 'example.test', httpOnly: true, secure: true, partitioned: true, priority: 'high', sameSite: 'none' }, { encrypted: true });
  yield line('B-140 B-141 B-142: maxAge gives Expires, never Max-Age', { maxAge: 60_000 });
  yield scenario('B-142: milliseconds are cut off', { ...QUIET, cookie: { maxAge: 999 } }, [ask([set('n', 1)]), ask([set('n', 2)], { at: 1 })]);
  yield scenario('B-142: a day below ten has two digits', { ...QUIET, cookie: { maxAge: 60_000 } }, [ask([set('n', 1)])], { start: Date.UTC(2024, 1, 29, 23, 59, 0) });
  yield scenario('B-142: the epoch', { ...QUIET, cookie: { expires: 0 } }, [ask([set('n', 1)])]);
  yield scenario('B-142: before the epoch', { ...QUIET, cookie: { expires: -1 } }, [ask([set('n', 1)])]);
  yield line('B-143: a year above 9999', { maxAge: 9000 * YEAR_MS });
  yield scenario('B-143: the last moment that a date can hold', { ...QUIET, cookie: { expires: 8.64e15 } }, [ask([set('n', 1)])]);
  yield line('B-144: no expiry, no Expires', { maxAge: null });
  yield line('B-145: an empty path and an empty domain give no attribute', { path: '', domain: '' });
  for (const domain of ['example.test', '.example.test', 'Example.TEST', 'localhost', '127.0.0.1', 'a-b.c-d.test', 'xn--bcher-kva.test', '1.test', `${'a'.repeat(63)}.test`]) {
    yield line(`B-146: domain ${domain} is kept as it is`, { domain });
  }
  for (const path of ["/a~!$&'()*+,=:@%20.-_", '/a/', '/A']) {
    yield scenario(`B-147: path ${path}`, { ...QUIET, cookie: { path } }, [ask([set('n', 1)], { url: path })]);
  }
  yield scenario('B-147: path without a slash in front is no path of any URL', { ...QUIET, cookie: { path: 'app' } }, [ask([set('n', 1)], { url: '/app' })]);
  for (const field of ['httpOnly', 'secure', 'partitioned']) {
    for (const on of [true, false]) yield line(`B-148: ${field} ${on}`, { [field]: on }, { encrypted: true });
  }
  for (const priority of ['low', 'medium', 'high']) yield line(`B-149: priority ${priority}`, { priority });
  for (const sameSite of [true, false, 'lax', 'strict', 'none']) yield line(`B-150: sameSite ${sameSite}`, { sameSite });
  yield scenario('B-151: every character that a name may have', { ...QUIET, name: "!#$%&'*+-.^_`|~09azAZ" }, [ask([set('n', 1)]), ask(read)]);
  yield scenario('B-152: a failing save after a cookie that can\'t be sent: both are reported', { ...QUIET, cookie: { domain: 'bad domain' } }, [ask([set('n', 1)], { faults: { set: 'EIO' } })]);
  yield scenario('B-153: a browser-session cookie is sent once, modified or not', QUIET, [ask([set('n', 1)]), ask([set('n', 2)]), ask(read)]);
  yield scenario('B-154: logging out does not clear the cookie; the old id then finds nothing', QUIET, [ask([set('n', 1)]), ask([destroy]), ask(read)]);
  yield line('B-155: None without Secure', { sameSite: 'none' });
  yield line('B-155: Partitioned without Secure', { partitioned: true });
  yield scenario('B-155: a __Host- name with a domain', { ...QUIET, name: '__Host-id', cookie: { domain: 'example.test' } }, [ask([set('n', 1)])]);
  yield scenario('B-155: a __Secure- name without Secure', { ...QUIET, name: '__Secure-id' }, [ask([set('n', 1)])]);
}

// ---------------------------------------------------------------- 8 secure

function* secureRules() {
  const visits = {
    'TLS itself': { encrypted: true, secure: false, headers: { 'x-forwarded-proto': 'http' } },
    'the framework says so': { secure: true, headers: { 'x-forwarded-proto': 'http' } },
    'the header says so': { secure: false, headers: { 'x-forwarded-proto': 'https' } },
    'framework and header say so': { secure: true, headers: { 'x-forwarded-proto': 'https' } },
    'nobody says so': {},
  };
  for (const [rule, proxy] of [['B-157', false], ['B-158', undefined], ['B-159', true]]) {
    for (const [who, visit] of Object.entries(visits)) {
      yield scenario(`B-156 ${rule}: proxy ${proxy ?? 'not given'}: ${who}`, { ...QUIET, ...(proxy !== undefined && { proxy }), cookie: { secure: true } }, [ask([set('n', 1)], visit)]);
    }
  }
  for (const proto of ['https', 'HTTPS', 'hTTps', ' https ', 'https,http', 'https , http', 'HTTPS ,http', '\thttps\t,http', 'http,https', ',https', '', 'https;', 'httpss', 'wss', 'https http']) {
    yield scenario(`B-159 B-160 B-162: X-Forwarded-Proto ${JSON.stringify(proto)}`, { ...QUIET, proxy: true, cookie: { secure: true } }, [ask([set('n', 1)], { headers: { 'x-forwarded-proto': proto } })]);
  }
  yield scenario('B-159: other headers of that kind are not asked', { ...QUIET, proxy: true, cookie: { secure: true } }, [ask([set('n', 1)], { headers: { forwarded: 'proto=https', 'x-forwarded-ssl': 'on', 'front-end-https': 'on' } })]);
  yield scenario('B-161 B-213: made over TLS, then asked for without', { ...QUIET, rolling: true, cookie: { secure: 'auto' } }, [
    ask([set('n', 1)], { encrypted: true }), ask([get('n')]), ask([set('n', 2)]), ask(read, { encrypted: true }),
  ]);
}

// ---------------------------------------------------------------- 9, 10 the end, the methods

function* methodRules() {
  for (const body of ['ok', 'empty']) {
    for (const method of ['GET', 'HEAD', 'POST']) {
      yield scenario(`B-163 B-166: ${method}, body ${body}: saved and sent`, QUIET, [ask([set('n', 1)], { method, body })]);
    }
  }
  for (const status of [201, 302, 404, 500, 503]) {
    yield scenario(`B-163: status ${status} makes no difference`, QUIET, [ask([set('n', 1)], { status })]);
  }
  yield onStored('B-174: save() acts at once: a second look finds it', QUIET, [known([set('n', 2), save, set('n', 3), reload, get('n')])]);
  yield onStored('B-174 B-209: each method hands the store\'s error to the handler', QUIET, [
    known([save], { faults: { set: 'EIO' } }), known([reload], { faults: { set: 'EIO' } }), known([regenerate], { faults: { destroy: 'EIO' } }), known([destroy], { faults: { destroy: 'EIO' } }),
  ]);
  yield onStored('B-175: save() counts as saved: no second save at the end', QUIET, [known([set('n', 2), save])]);
  yield onStored('B-175: changed after save(): saved again', QUIET, [known([set('n', 2), save, set('n', 3)])]);
  yield onStored('B-176 B-209: a failed save() is not tried again at the end', QUIET, [known([set('n', 2), save], { faults: { set: 'EIO' } }), known(read)]);
  yield scenario('B-176 B-209: nor for a new session, which is sent but not stored', QUIET, [ask([set('n', 2), save], { faults: { set: 'EIO' } }), ask(read)]);
  yield onStored('B-177: save() stores expires as it was at load', QUIET, [known([advance(2000), set('n', 2), save, cookie])], stored({ n: 1 }, lasting(60_000)));
  yield onStored('B-178: reload() takes what the store holds, and the write is lost', QUIET, [known([otherSet(ID, { cookie: BARE, n: 5, m: 6 }), set('n', 2), set('x', 1), reload, keys, get('n'), id])]);
  yield onStored('B-178: reload() of what is gone: missing; the session stays as it was', QUIET, [known([otherDestroy(ID), set('n', 2), reload, get('n'), id])]);
  yield onStored('B-178 B-200: reload() of what has expired meanwhile: missing', QUIET, [known([advance(2000), reload, get('n')])], stored({ n: 1 }, lasting(1000)));
  yield onStored('B-178 B-209: reload() with a store error: the session stays', QUIET, [ask([set('n', 2), reload, get('n')], { cookie: 'none', faults: { get: 'EIO' } })]);
  yield onStored('B-179: after reload() the cookie is the stored one', QUIET, [known([setCookie('maxAge', 5000), setCookie('path', '/x'), cookie, reload, cookie])], stored({ n: 1 }, lasting(60_000)));
  yield onStored('B-180: a reload() after failed ones', QUIET, [known([otherDestroy(ID), reload, reload, reload, otherSet(ID, { cookie: BARE, n: 5 }), reload, get('n'), save])]);
  yield onStored('B-182: regenerate(): the old one is destroyed, the new one empty, with a new id and a new cookie', { ...QUIET, cookie: { maxAge: 1000 } }, [known([set('n', 2), setCookie('path', '/x'), regenerate, id, keys, cookie]), known([id])]);
  yield scenario('B-182: regenerate() of a session never stored', QUIET, [ask([set('n', 2), regenerate, id, keys])]);
  yield onStored('B-182 B-161: regenerate() settles auto again', { ...QUIET, cookie: { secure: 'auto', sameSite: 'auto' } }, [known([regenerate], { encrypted: true }), ask([regenerate])]);
  yield onStored('B-183: regenerate() with a failing destroy: the new session is there, the old one stays valid', QUIET, [known([regenerate, id, keys], { faults: { destroy: 'EIO' } }), known(read)]);
  yield onStored('B-184: destroy() that fails: gone from the request, alive in the store', QUIET, [known([destroy, get('n'), save], { faults: { destroy: 'EIO' } }), known(read)]);
  yield onStored('B-184: destroy(): gone from the request and from the store', QUIET, [known([destroy, get('n'), id, keys, cookie, touch, save, reload, regenerate, destroy, set('n', 2), del('n'), setCookie('path', '/x')]), known(read)]);
  yield onStored('B-188: null takes the session away; a later method finds none', QUIET, [known([unset, get('n'), save, unset]), known(read)]);
}

// ---------------------------------------------------------------- 12 memory store

function* storeRules() {
  yield onStored('B-199: what the handler changes is a copy until it is saved', QUIET, [known([set('n', 2), unset]), known(read)]);
  for (const [what, left] of [['one millisecond before', 1], ['at', 0], ['one millisecond after', -1]]) {
    yield onStored(`B-200 B-201: loaded ${what} its expiry`, QUIET, [known(read, { at: 5000 })], stored({ n: 1 }, { ...BARE, originalMaxAge: 5000, expires: iso(START + 5000 + left) }));
  }
  yield onStored('B-200: the expiry may carry another zone', { ...QUIET, storeTouch: false }, [known(read, { at: 4999 }), known(read, { at: 5000 })], stored({ n: 1 }, { ...BARE, originalMaxAge: null, expires: '2023-11-15T00:13:25.000+02:00' }));
  yield onStored('B-201: no expiry: alive after a hundred years', QUIET, [known(read, { at: 100 * YEAR_MS })]);
  yield scenario('B-200 B-202: a touch at each request keeps it alive', { ...QUIET, cookie: { maxAge: 1000 } }, [
    ask([set('n', 1)]), ask(read, { at: 999 }), ask(read, { at: 1998 }), ask(read, { at: 2998 }),
  ]);
  yield scenario('B-108 B-200: without touch in the store it ends on time, read or not', { ...QUIET, storeTouch: false, cookie: { maxAge: 1000 } }, [ask([set('n', 1)]), ask(read, { at: 999 }), ask(read, { at: 1000 })]);
  yield onStored('B-131 B-202: a touch brings nothing back', QUIET, [known([otherDestroy(ID)])]);
  yield onStored('B-202: a touch replaces the cookie and keeps the data of somebody else', QUIET, [known([otherSet(ID, { cookie: lasting(1000), n: 100, m: 1 }), setCookie('maxAge', 7000)])]);
  yield onStored('B-203: a save overwrites without question', { ...QUIET, resave: true }, [known([otherSet(ID, { cookie: BARE, n: 100 })])]);
  yield scenario('B-203: destroying what is not there succeeds', QUIET, [ask([destroy])]);
  yield onStored('B-206: an expired record that nobody asks for stays', QUIET, [ask([], { at: 100_000 })], stored({ n: 1 }, lasting(1000)));
}

// ---------------------------------------------------------------- 13 faults

function* faultRules() {
  for (const code of ['EIO', 'ENOENT']) {
    yield scenario(`B-207 B-208 B-211: a failing save at the end (${code}): reported, not tried again`, QUIET, [ask([set('n', 1)], { faults: { set: code } })]);
    yield onStored(`B-207 B-208 B-211: a failing save of a loaded session (${code})`, QUIET, [known([set('n', 2)], { faults: { set: code } })]);
    yield onStored(`B-207 B-211: a failing destroy at the end (${code})`, { ...QUIET, unset: 'destroy' }, [known([unset], { faults: { destroy: code } })]);
    yield onStored(`B-207 B-210 B-211: a failing touch at the end (${code}): the response and its cookie go out, the data stay`, { ...QUIET, rolling: true }, [known([], { faults: { touch: code } }), known(read)], stored({ n: 1 }, lasting(60_000)));
  }
  yield onStored('B-152 B-207 B-210: a failing touch after a cookie that can\'t be sent: both are reported, the cookie first', { ...QUIET, rolling: true }, [known([], { faults: { touch: 'EIO' } })], stored({ n: 1 }, { ...lasting(60_000), domain: 'bad domain' }));
  yield onStored('B-207: faults of calls that are not made do nothing', QUIET, [known([get('n')], { faults: { set: 'EIO', destroy: 'EIO' } })]);
  yield onStored('B-066 B-209: a reload() that meets ENOENT is a store error', QUIET, [ask([set('n', 1), save, reload, get('n')], { cookie: 'none', faults: { get: 'ENOENT' } })]);
  yield onStored('B-176 B-207 B-209: changed again after a failed save(): saved at the end, where failing is an error of the request', QUIET, [known([set('n', 2), save, set('n', 3)], { faults: { set: 'EIO' } })]);
  yield onStored('B-213: a stored secure cookie on plain HTTP: not sent with rolling, touched and saved as usual', { ...QUIET, rolling: true }, [known(read), known([set('n', 2)]), known(read, { encrypted: true })], stored({ n: 1 }, { ...lasting(60_000), secure: true }));
  yield onStored('B-214: a stored expires that is no date, with originalMaxAge, is repaired', { ...QUIET, rolling: true }, [known([cookie]), known([cookie], { at: 1000 })], stored({ n: 1 }, { ...BARE, originalMaxAge: 60_000, expires: 'no date' }));
}

export function* rules() {
  yield* optionRules();
  yield* pathRules();
  yield* cookieRules();
  yield* loadRules();
  yield* sessionRules();
  yield* decisionRules();
  yield* tables();
  yield* lineRules();
  yield* secureRules();
  yield* methodRules();
  yield* storeRules();
  yield* faultRules();
}
