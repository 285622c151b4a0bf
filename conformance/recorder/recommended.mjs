// Scenarios of what express-session does not have: the preset `recommended`, timeouts, conflicts, new
// ids, what caches are told. They can't be recorded; what they must give was written down by hand, in
// ../fixtures/recommended.traces.jsonl.

const START = 1_700_000_000_000; // Tue, 14 Nov 2023 22:13:20 GMT
const ID = 'sid77';
const SECRET = 'a secret of tests, 32 bytes long';

const get = (key) => ({ op: 'get', key });
const set = (key, value) => ({ op: 'set', key, value });
const update = (key, add) => ({ op: 'update', key, add });
const login = (key, value) => ({ op: 'login', key, value });
const header = (name, value) => ({ op: 'header', name, value });
const advance = (ms) => ({ op: 'advance', ms });
const otherSet = (record) => ({ op: 'other.set', id: ID, record });
const otherDestroy = { op: 'other.destroy', id: ID };
const [id, cookie, save, reload, renew, regenerate, destroy] = [
  'id', 'cookie', 'save', 'reload', 'renew', 'regenerate', 'destroy',
].map((op) => ({ op }));

const COOKIE = { originalMaxAge: null, expires: null, secure: true, httpOnly: true, path: '/', sameSite: 'lax' };
const record = (data = { n: 1 }) => ({ cookie: COOKIE, ...data });
const stored = { preload: { [ID]: record() } };
const ask = (handler, more = {}) => ({ encrypted: true, handler, ...more });
const known = (handler, more = {}) => ask(handler, { cookie: { sign: { id: ID, secret: SECRET } }, ...more });
const plain = (handler, more = {}) => ({ handler, ...more });

const SAFE = { preset: 'recommended', secret: SECRET };
const ENDLESS = { ...SAFE, idleTimeout: null, absoluteTimeout: null };
const EXPRESS = { secret: SECRET, resave: false, saveUninitialized: false };
const TIMEOUTS = { idleTimeout: 1000, absoluteTimeout: 3000 };

const scenario = (name, options, requests, more = {}) => ({ name, start: START, options, ...more, requests });

export function* recommended() {
  yield scenario('all defaults: nothing for who only looks; then a cookie, a beginning and an end', SAFE, [
    ask([]), ask([get('n')]), ask([set('n', 1)]), ask([get('n')], { at: 1000 }), ask([], { at: 2000 }),
  ]);
  yield scenario('for localhost: no Secure, no prefix', { ...ENDLESS, localhost: true }, [plain([set('n', 1)]), plain([get('n')])]);
  yield scenario('a name and cookie options of one\'s own', { ...ENDLESS, name: 'sid', cookie: { maxAge: 5000, sameSite: 'strict', httpOnly: false } }, [ask([set('n', 1)]), ask([set('n', 2)], { at: 1000 })]);
  for (const [what, options] of [
    ['a short secret', { secret: 'only 31 bytes, one is not there' }],
    ['a short secret among others', { secret: [SECRET, 'short'] }],
    ['a secret from a tutorial', { secret: 'keyboard cat' }],
    ['an idle timeout that never comes', { idleTimeout: 3001, absoluteTimeout: 3000 }],
    ['an idle timeout of zero', { idleTimeout: 0 }],
    ['a lifetime of zero', { cookie: { maxAge: 0 } }],
    ['__Host- without Secure', { cookie: { secure: false } }],
  ]) {
    yield scenario(`refused: ${what}`, { ...SAFE, ...options }, [ask([])]);
  }

  for (const [preset, options] of [['recommended', SAFE], ['express', EXPRESS]]) {
    const used = [ask([set('n', 1)]), ask([get('n')], { at: 999 }), ask([get('n')], { at: 1998 }), ask([get('n')], { at: 2997 }), ask([get('n')], { at: 3000 })];
    yield scenario(`timeouts, ${preset}: used all the time until the absolute one comes`, { ...options, ...TIMEOUTS }, used);
    yield scenario(`timeouts, ${preset}: not used any more`, { ...options, ...TIMEOUTS }, [ask([set('n', 1)]), ask([get('n')], { at: 1000 })]);
    yield scenario(`timeouts, ${preset}: a renewal extends nothing, a log-in does`, { ...options, absoluteTimeout: 3000, idleTimeout: null }, [
      ask([set('n', 1)]), ask([renew], { at: 1000 }), ask([login('user', 'ada')], { at: 2000 }), ask([get('user')], { at: 4999 }), ask([get('user')], { at: 5000 }),
    ]);
    yield scenario(`timeouts, ${preset}: of a session that Node made the first load is the beginning`, { ...options, absoluteTimeout: 3000, idleTimeout: null }, [
      known([get('n')], { at: 1000 }), known([get('n')], { at: 3999 }), known([get('n')], { at: 4000 }),
    ], stored);
  }
  yield scenario('timeouts: the clock steps back within a request', { ...SAFE, ...TIMEOUTS }, [ask([set('n', 1)]), ask([advance(-500), set('n', 2)], { at: 500 })]);

  yield scenario('renew: another id, the same data, one step', ENDLESS, [known([renew, id, get('n')]), ask([get('n')]), known([get('n')])], stored);
  yield scenario('log in: another id, and the user under it', ENDLESS, [known([login('user', 'ada'), id]), ask([get('user')])], stored);
  yield scenario('log in with a session that is not stored: stored once, under the second id', ENDLESS, [ask([login('user', 'ada'), id]), ask([get('user')])]);
  yield scenario('renew twice', ENDLESS, [known([renew, set('n', 2), renew, id]), ask([get('n')])], stored);
  yield scenario('renew fails: the id is what it was', ENDLESS, [known([renew, id], { faults: { rotate: 'EIO' } }), known([get('n')])], stored);
  yield scenario('log in fails: nobody is logged in', ENDLESS, [known([login('user', 'ada'), get('user')], { faults: { rotate: 'EIO' } }), known([get('user')])], stored);
  yield scenario('log in, the session was ended meanwhile: nobody is logged in', ENDLESS, [known([otherDestroy, login('user', 'ada'), get('user')]), known([get('user')])], stored);
  yield scenario('log in, the session was changed meanwhile: both count', ENDLESS, [known([otherSet(record({ n: 1, m: 7 })), login('user', 'ada'), get('m')]), ask([get('user')])], stored);
  yield scenario('log in on plain HTTP: it could not be delivered', ENDLESS, [plain([login('user', 'ada'), renew, save, get('user')])]);
  yield scenario('log in and log out', ENDLESS, [ask([login('user', 'ada')]), ask([destroy]), ask([get('user')])]);
  yield scenario('regenerate and log in', ENDLESS, [known([regenerate, set('user', 'ada'), id]), ask([get('n')])], stored);

  const conflict = (policy) => ({ ...ENDLESS, conflict: policy });
  for (const policy of ['merge', 'overwrite', 'refuse']) {
    yield scenario(`conflict ${policy}: another key`, conflict(policy), [known([set('m', 2), otherSet(record({ n: 1, other: 7 }))]), known([get('m'), get('other')])], stored);
    yield scenario(`conflict ${policy}: the same key`, conflict(policy), [known([set('n', 2), otherSet(record({ n: 7 }))]), known([get('n')])], stored);
    yield scenario(`conflict ${policy}: an update`, conflict(policy), [known([update('n', 1), otherSet(record({ n: 7 }))]), known([get('n')])], stored);
    yield scenario(`conflict ${policy}: in a save of the handler`, conflict(policy), [known([update('n', 1), otherSet(record({ n: 7 })), save, get('n')]), known([get('n')])], stored);
    yield scenario(`conflict ${policy}: ended`, conflict(policy), [known([set('n', 2), otherDestroy]), known([get('n')])], stored);
  }
  yield scenario('conflict merge, express: as recommended', { ...EXPRESS, conflict: 'merge' }, [known([update('n', 1), otherSet(record({ n: 7 }))]), known([get('n')])], stored);
  yield scenario('a reload takes what is there, and later changes build on it', conflict('refuse'), [known([otherSet(record({ n: 7 })), reload, update('n', 1)]), known([get('n')])], stored);

  yield scenario('caches: what the handler says is kept and made stricter', ENDLESS, [
    ask([header('Cache-Control', 'public, max-age=60'), header('Vary', 'Accept'), set('n', 1)]),
    ask([header('Cache-Control', 'no-store'), header('Vary', '*'), set('n', 1)], { cookie: 'none' }),
    ask([header('Vary', 'accept, COOKIE'), get('n')]),
    ask([header('Cache-Control', 'public')]),
  ]);
  yield scenario('rolling: no cookie for what is gone', { ...ENDLESS, rolling: true }, [known([get('n')]), known([otherDestroy])], stored);
  yield scenario('the cookie\'s lifetime, sent and stored, is renewed with the id', { ...ENDLESS, cookie: { maxAge: 5000 } }, [ask([set('n', 1)]), ask([renew, cookie], { at: 4000 }), ask([cookie], { at: 8999 })]);
}
