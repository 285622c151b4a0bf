// The quirks of express-session: for each a story, told under both presets. The same requests meet
// express-session's behaviour and the safe one. A name is the quirk's number and what is looked at; the
// two scenarios of a pair have the same name. The texts beside them stand in ../quirks.txt.
//
// The `express` ones are recorded. The `recommended` ones are not: what they must give was written down
// by hand, in ../fixtures/quirks-recommended.traces.jsonl.

import { createHmac } from 'node:crypto';

const START = 1_700_000_000_000; // Tue, 14 Nov 2023 22:13:20 GMT
const ID = 'sid77'; // the preloaded session
const SECRET = 'a secret of tests, 32 bytes long'; // a shorter one would be refused
const OLD_SECRET = 'the one before, just as long: 32';

// ---------------------------------------------------------------- words

const get = (key) => ({ op: 'get', key });
const set = (key, value) => ({ op: 'set', key, value });
const setCookie = (field, value) => ({ op: 'cookie.set', field, value });
const advance = (ms) => ({ op: 'advance', ms });
const otherSet = (record) => ({ op: 'other.set', id: ID, record });
const otherDestroy = { op: 'other.destroy', id: ID };
const [keys, id, cookie, touch, save, reload, regenerate, destroy, unset, resetCookie] = [
  'keys', 'id', 'cookie', 'touch', 'save', 'reload', 'regenerate', 'destroy', 'unset', 'cookie.reset',
].map((op) => ({ op }));

const iso = (ms) => new Date(ms).toISOString();
// The stored session was made under the same options: with the safe ones it has a safe cookie.
const BARE = {
  express: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' },
  recommended: { originalMaxAge: null, expires: null, secure: true, httpOnly: true, path: '/', sameSite: 'lax' },
};
const record = (data = { n: 1 }, itsCookie = {}) => (preset) => ({ cookie: { ...BARE[preset], ...itsCookie }, ...data });
const stored = (...parts) => (preset) => ({ preload: { [ID]: record(...parts)(preset) } });
const LASTING = { originalMaxAge: 60_000, expires: iso(START + 60_000) };

// Over TLS, since the safe cookie is Secure. `plain` is without.
const ask = (handler, more = {}) => ({ encrypted: true, handler, ...more });
const known = (handler, more = {}) => ask(handler, { cookie: { sign: { id: ID, secret: SECRET } }, ...more });
const plain = (handler, more = {}) => ({ handler, ...more });

/** The signed value, percent-encoded. */
const signed = (ofId, secret = SECRET) =>
  encodeURIComponent(`s:${ofId}.${createHmac('sha256', secret).update(ofId).digest('base64').replace(/=+$/, '')}`);

// Nothing happens by itself in both: what a trace shows, the handler did. Timeouts have a test of their
// own; here they would only mark every record.
const PRESETS = {
  express: { secret: SECRET, resave: false, saveUninitialized: false },
  recommended: { preset: 'recommended', secret: SECRET, idleTimeout: null, absoluteTimeout: null },
};
const NAMES = { express: 'connect.sid', recommended: '__Host-id' };

// ---------------------------------------------------------------- the stories

/** Each story: its name, the options, the requests, what the store holds; all may depend on the preset. */
function* stories() {
  yield ['B-015: an empty secret in a list', { secret: [''] }, [ask([set('n', 1)])]];
  yield ['B-026: a domain that is none', { cookie: { domain: 'bad domain' } }, [ask([set('n', 1)])]];
  yield ['B-026: a lifetime beyond all dates', { cookie: { maxAge: 9e15 } }, [ask([set('n', 1)])]];
  const byPath = (options) => ({ name: 'id', cookieByPath: { default: options } });
  yield ['B-030: secure auto from a function', byPath({ secure: 'auto' }), [plain([set('n', 1)]), ask([set('n', 1)], { cookie: 'none' })]];
  yield ['B-030: sameSite auto from a function', byPath({ sameSite: 'auto' }), [plain([set('n', 1)]), ask([set('n', 1)], { cookie: 'none' })]];
  yield ['B-040: a path that only begins alike', { name: 'id', cookie: { path: '/app' } }, ['/application', '/app', '/app/x'].map((url) => ask([set('n', 1)], { url, cookie: 'none' }))];
  yield ['B-041: a path with a space', { name: 'id', cookie: { path: '/a b' } }, [ask([set('n', 1)], { url: '/a%20b' })]];
  yield ['B-050: another cookie of that name in front', {}, (preset) => {
    const name = NAMES[preset];
    const inFront = ['', 'junk', `s%3A${ID}.AAAA`, signed('sid99')];
    return inFront.map((value) => ask([get('n')], { cookie: { raw: `${name}=${value}; ${name}=${signed(ID)}` } }));
  }, stored()];
  yield ['B-061: read with an old secret', { secret: [SECRET, OLD_SECRET] }, [known([get('n')], { cookie: { sign: { id: ID, secret: OLD_SECRET } } })], stored()];
  yield ['B-070: the store fails to load', { unset: 'destroy' }, [known([get('n')], { faults: { get: 'EIO' } }), known([get('n')])], stored()];
  yield ['B-070: a record that can\'t be read', { unset: 'destroy' }, [known([get('n')])], { preload: { [ID]: { n: 1 } } }];
  // Only here is something to be said in one preset alone: the offer to re-apply.
  yield ['B-073: the cookie\'s options were changed', { rolling: true, cookie: { maxAge: 60_000, sameSite: 'strict' } }, (preset) => [
    known([cookie]), known(preset === 'express' ? [cookie] : [resetCookie, cookie]), known([cookie]),
  ], stored()];
  yield ['B-074: an end without a length', { rolling: true }, [known([touch, cookie]), known([cookie], { at: 59_999 }), known([cookie], { at: 60_000 })], stored({ n: 1 }, { expires: iso(START + 60_000) })];
  yield ['B-076: a record with a reserved name', {}, [known([keys])], stored({ save: 1, n: 1 }, LASTING)];
  yield ['B-081: the generator gives an empty id', { genid: '' }, [ask([set('n', 1)]), ask([get('n')])]];
  yield ['B-093: expires = false', {}, [ask([setCookie('expires', false), cookie, set('n', 1)]), ask([set('n', 2)])]];
  yield ['B-094: an absolute end as an option', { rolling: true, cookie: { expires: START + 10_000 } }, [
    ask([advance(400), set('n', 1), cookie]), ask([cookie], { at: 3000 }), ask([get('n')], { at: 9999 }), ask([get('n')], { at: 10_000 }),
  ]];
  yield ['B-094: an absolute end that was assigned', { rolling: true }, [
    ask([setCookie('expires', START + 10_000), advance(400), set('n', 1), cookie]), ask([cookie], { at: 3000 }), ask([get('n')], { at: 10_000 }),
  ]];
  yield ['B-124: save() of a new session, nothing written', {}, [ask([save, id]), ask([id])]];
  yield ['B-125: regenerate(), write, save()', {}, [known([regenerate, set('n', 2), save]), ask([get('n')])], stored()];
  yield ['B-126: regenerate(), nothing written', {}, [known([regenerate]), ask([id])], stored()];
  yield ['B-127: destroy() with unset destroy', { unset: 'destroy' }, [known([destroy])], stored()];
  yield ['B-128: null for a session that was never stored, unset destroy', { unset: 'destroy' }, [ask([unset]), ask([set('n', 1), unset])]];
  yield ['B-129: cookie.maxAge alone', {}, [ask([set('n', 1)]), ask([setCookie('maxAge', 60_000)]), ask([cookie])]];
  const newer = record({ n: 100 });
  const resave = (preset) => (preset === 'express' ? { resave: true } : {});
  yield ['B-130: a slow reader, the session is changed meanwhile', resave, (preset) => [known([get('n'), otherSet(newer(preset))]), known([get('n')])], stored()];
  yield ['B-130: a slow reader, the session is ended meanwhile', (preset) => ({ ...resave(preset), rolling: true }), [known([get('n'), otherDestroy]), known([get('n')])], stored()];
  yield ['B-130: a slow writer, the session is ended meanwhile', {}, [known([set('n', 2), otherDestroy]), known([get('n')])], stored()];
  yield ['B-130: save(), the session was ended meanwhile', {}, [known([set('n', 2), otherDestroy, save]), known([get('n')])], stored()];
  yield ['B-130: a slow writer of one key, another key is written meanwhile', {}, (preset) => [
    known([set('n', 2), otherSet(record({ n: 1, m: 7 })(preset))]), known([get('n'), get('m')]),
  ], stored()];
  yield ['B-132: reload() after somebody else\'s change', {}, (preset) => [known([otherSet(newer(preset)), reload, get('n')])], stored()];
  yield ['B-137: a Secure cookie on plain HTTP', { cookie: { secure: true } }, [plain([set('n', 1)]), plain([set('n', 1)])]];
  yield ['B-154: destroy()', {}, [ask([set('n', 1)]), ask([destroy]), ask([get('n')])]];
  yield ['B-154: null with unset destroy, a cookie with all that it must be cleared with', { name: 'id', unset: 'destroy', cookie: { domain: 'example.test', partitioned: true, path: '/app', secure: true } }, [
    ask([set('n', 1)], { url: '/app' }), ask([unset], { url: '/app/x' }),
  ]];
  yield ['B-155: SameSite=None without Secure', { name: 'id', cookie: { sameSite: 'none', secure: false } }, [ask([set('n', 1)])]];
  yield ['B-155: Partitioned without Secure', { name: 'id', cookie: { partitioned: true, secure: false } }, [ask([set('n', 1)])]];
  yield ['B-155: __Host- with a domain', { name: '__Host-sid', cookie: { domain: 'example.test', secure: true } }, [ask([set('n', 1)])]];
  yield ['B-155: __Secure- without Secure', { name: '__Secure-sid', cookie: { secure: false } }, [ask([set('n', 1)])]];
  const proto = (value) => plain([set('n', 1)], { cookie: 'none', headers: { 'x-forwarded-proto': value } });
  yield ['B-162: what the client wrote itself, and what the proxy added', { proxy: true, cookie: { secure: true } }, [proto('https, http'), proto('http, https')]];
  yield ['B-162: a client that connects directly', { proxy: true, cookie: { secure: true } }, [proto('https')]];
  yield ['B-176: save() fails', {}, [known([set('n', 2), save], { faults: { set: 'EIO' } }), known([get('n')])], stored()];
  yield ['B-183: regenerate() fails', {}, [known([regenerate, id, keys], { faults: { destroy: 'EIO' } }), known([get('n')])], stored()];
  yield ['B-208: the save at the end fails', {}, [ask([set('n', 1)], { faults: { set: 'EIO' } }), ask([get('n')])]];
}

export function* quirks(preset) {
  const told = (part) => (typeof part === 'function' ? part(preset) : part);
  for (const [name, options, requests, more] of stories()) {
    yield { name, start: START, options: { ...PRESETS[preset], ...told(options) }, ...told(more), requests: told(requests) };
  }
}
