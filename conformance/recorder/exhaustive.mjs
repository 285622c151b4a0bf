// Every combination of the options that decide about saving and sending, with every thing that a
// handler may do, for each kind of visitor.

const START = 1_700_000_000_000;

const get = (key) => ({ op: 'get', key });
const set = (key, value) => ({ op: 'set', key, value });
const setCookie = (field, value) => ({ op: 'cookie.set', field, value });
const otherSet = (id, record) => ({ op: 'other.set', id, record });
const [id, keys, cookie, touch, save, reload, regenerate, destroy, unset] = [
  'id', 'keys', 'cookie', 'touch', 'save', 'reload', 'regenerate', 'destroy', 'unset',
].map((op) => ({ op }));
const advance = (ms) => ({ op: 'advance', ms });

const BARE_COOKIE = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };

const HANDLERS = {
  read: [get('n')],
  write: [set('n', 2)],
  'write-same': [set('n', 1)],
  'write-and-back': [set('n', 9), set('n', 1)],
  delete: [{ op: 'delete', key: 'n' }],
  nested: [set('deep', { a: [1, { b: null }], c: 'ü €' }), get('deep')],
  destroy: [destroy, get('n')],
  regenerate: [regenerate, id, keys],
  'regenerate-write': [regenerate, set('n', 5)],
  'regenerate-twice': [regenerate, regenerate, id],
  unset: [unset],
  'write-unset': [set('n', 3), unset],
  save: [save],
  'write-save': [set('n', 3), save],
  'write-save-write': [set('n', 3), save, set('n', 4)],
  'save-write-back': [set('n', 3), save, set('n', 1)],
  reload: [set('n', 3), reload, get('n')],
  'reload-write': [reload, set('n', 7)],
  'reload-after-other-write': [otherSet('sid1', { cookie: BARE_COOKIE, n: 77 }), reload, get('n')],
  'reload-gone': [{ op: 'other.destroy', id: 'sid1' }, reload, get('n')],
  'save-reload': [set('n', 8), save, reload, get('n')],
  touch: [advance(500), touch, cookie],
  slow: [advance(2500), cookie],
  'maxage-change': [setCookie('maxAge', 5000), cookie],
  'maxage-change-write': [setCookie('maxAge', 5000), set('n', 2)],
  'maxage-null-write': [setCookie('maxAge', null), set('n', 2), cookie],
  'expires-date-write': [setCookie('expires', START + 90_000), set('n', 2), cookie],
  'expires-false-write': [setCookie('expires', false), set('n', 2), cookie],
  'cookie-fields': [setCookie('path', '/admin'), setCookie('httpOnly', false), set('n', 2)],
  'cookie-secure': [setCookie('secure', true), set('n', 2)],
  'other-cookie-header': [{ op: 'header', name: 'Set-Cookie', value: 'theme=dark; Path=/' }, set('n', 2)],
};

// Who asks the second time (the first request always makes a session), and which handlers are tried.
const STRANGER = ['read', 'write', 'destroy', 'regenerate-write', 'unset', 'write-save-write', 'reload', 'touch'];
const VISITORS = {
  jar: ['jar', Object.keys(HANDLERS)],
  none: ['none', STRANGER],
  forged: [{ step: 0, tamper: 'flip-last' }, STRANGER],
  unknown: [{ sign: { id: 'sid99', secret: 'k1' } }, STRANGER],
  'old-secret': [{ sign: { id: 'sid1', secret: 'k2' } }, STRANGER],
};
// Handlers for the very first request of a client.
const FIRST = ['read', 'write', 'unset', 'destroy', 'save', 'regenerate', 'touch'];

function* journeys() {
  for (const [visitor, [sent, handlers]] of Object.entries(VISITORS)) {
    for (const name of handlers) {
      yield [`${visitor} ${name}`, [
        { at: 0, handler: [set('n', 1)] },
        { at: 1000, handler: HANDLERS[name], cookie: sent },
        { at: 2000, handler: [get('n'), id] },
        { at: 4500, handler: [get('n'), id, cookie] },
      ]];
    }
  }
  for (const name of FIRST) {
    yield [`first ${name}`, [{ at: 0, handler: HANDLERS[name] }, { at: 1000, handler: [get('n')] }]];
  }
}

function* configurations() {
  const both = [false, true];
  for (const resave of both)
    for (const saveUninitialized of both)
      for (const rolling of both)
        for (const unset of ['keep', 'destroy'])
          for (const storeTouch of both)
            for (const maxAge of [null, 3000])
              yield { secret: ['k1', 'k2'], resave, saveUninitialized, rolling, unset, storeTouch, cookie: { maxAge } };
}

export function* exhaustive() {
  for (const options of configurations()) {
    const { resave, saveUninitialized, rolling, unset, storeTouch, cookie } = options;
    const settings =
      `resave=${+resave} saveUninitialized=${+saveUninitialized} rolling=${+rolling} ` +
      `unset=${unset} touch=${+storeTouch} maxAge=${cookie.maxAge}`;
    for (const [journey, requests] of journeys()) {
      yield { name: `${settings} | ${journey}`, start: START, options, requests };
    }
  }
}
