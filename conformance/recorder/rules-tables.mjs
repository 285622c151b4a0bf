// The two tables of what is stored and what is sent, in full: each thing that a handler may do, by each
// kind of visitor, under each setting of the options that decide.

const START = 1_700_000_000_000;
const BARE = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };
const LASTING = { originalMaxAge: 60_000, expires: '2023-11-14T22:14:20.000Z', httpOnly: true, path: '/' };
const EXPIRED = { originalMaxAge: 60_000, expires: '2023-11-14T22:13:19.999Z', httpOnly: true, path: '/' };

const PRELOAD = {
  'sid-session': { cookie: BARE, n: 1 },
  'sid-lasting': { cookie: LASTING, n: 1 },
  'sid-expired': { cookie: EXPIRED, n: 1 },
};
const signed = (id, more = {}) => ({ sign: { id, secret: 'k1' }, ...more });
const VISITORS = {
  new: 'none',
  forged: signed('sid-session', { tamper: 'flip-last' }),
  unknown: signed('sid-unknown'),
  expired: signed('sid-expired'),
  loaded: signed('sid-session'),
  'loaded, expiring': signed('sid-lasting'),
};

const set = (value) => ({ op: 'set', key: 'n', value });
const [touch, save, reload, regenerate, destroy, unset] = [
  'touch', 'save', 'reload', 'regenerate', 'destroy', 'unset',
].map((op) => ({ op }));
// Somebody else writes to both stored sessions; whoever loaded one of them will see it.
const elsewhere = [
  { op: 'other.set', id: 'sid-session', record: { cookie: BARE, n: 77 } },
  { op: 'other.set', id: 'sid-lasting', record: { cookie: LASTING, n: 77 } },
];

// Rules, what the handler did, how. The rules name the row of the first table and that of the second.
const HANDLERS = [
  ['B-115 B-118', 'nothing', []],
  ['B-115 B-118', 'read', [{ op: 'get', key: 'n' }]],
  ['B-115 B-118', 'touch()', [touch]],
  ['B-115 B-118', 'cookie.maxAge only', [{ op: 'cookie.set', field: 'maxAge', value: 5000 }]],
  ['B-116 B-119', 'wrote a change', [set(2)]],
  ['B-117 B-120', 'wrote and wrote back', [set(9), set(1)]],
  ['B-115 B-118', 'save()', [save]],
  ['B-116 B-119', 'write, save()', [set(2), save]],
  ['B-116 B-119', 'write, save(), write', [set(2), save, set(3)]],
  ['B-117 B-120', 'write, save(), write back', [set(2), save, set(1)]],
  ['B-115 B-118', 'reload()', [reload]],
  ['B-116 B-120', 'write, reload()', [set(2), reload]],
  ['B-117 B-121', "reload() after another request's write", [...elsewhere, reload]],
  ['B-116 B-119', 'write, save(), reload()', [set(2), save, reload]],
  ['B-117 B-122', 'regenerate()', [regenerate]],
  ['B-117 B-122', 'write, regenerate()', [set(2), regenerate]],
  ['B-117 B-122', 'regenerate(), write', [regenerate, set(2)]],
  ['B-117 B-122', 'regenerate(), save()', [regenerate, save]],
  ['B-117 B-122', 'regenerate() twice', [regenerate, regenerate]],
  ['B-117 B-122', 'save(), regenerate()', [save, regenerate]],
  ['B-117 B-123', 'destroy()', [destroy], ['keep', 'destroy']],
  ['B-117 B-123', 'session = null', [unset], ['keep', 'destroy']],
  ['B-117 B-123', 'write, save(), null', [set(2), save, unset], ['keep', 'destroy']],
];

export function* tables() {
  const both = [false, true];
  for (const [rules, did, handler, unsets = ['keep']] of HANDLERS)
    for (const [visitor, cookie] of Object.entries(VISITORS))
      for (const resave of both)
        for (const saveUninitialized of both)
          for (const rolling of both)
            for (const unset of unsets) {
              const settings = `resave=${+resave} saveUninitialized=${+saveUninitialized} rolling=${+rolling} unset=${unset}`;
              yield {
                name: `${rules}: ${did} | ${visitor} | ${settings}`,
                start: START,
                options: { secret: 'k1', resave, saveUninitialized, rolling, unset },
                preload: PRELOAD,
                requests: [{ cookie, handler }],
              };
            }
}
