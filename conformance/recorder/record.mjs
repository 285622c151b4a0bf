// Records what express-session really does:
//
//     node record.mjs < scenarios.jsonl > traces.jsonl
//
// One scenario in, one trace out, line by line. Every request really goes over HTTP on the loopback
// interface; only the clock, the ids and the store's faults are scripted. Scenarios run one after the
// other, because the clock is global.

import http from 'node:http';
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// The virtual clock. express-session asks the time only through the global Date, so Date is replaced
// before the module is loaded. Node's own timers and sockets use a monotonic clock and go on as usual.
let now = 0;
globalThis.Date = class Date extends globalThis.Date {
  constructor(...parts) {
    if (parts.length === 0) super(now);
    else super(...parts);
  }
  static now() {
    return now;
  }
};

// Missing `resave` and `saveUninitialized` are part of what is tested; the notices would only be noise.
process.env.NO_DEPRECATION = 'express-session';
const expressSession = createRequire(import.meta.url)('express-session');

const RESPONSE_TIMEOUT_MS = 10_000;

/** The memory store, which notes each call and fails those that the current request wants to fail. */
class RecordingStore extends expressSession.MemoryStore {
  calls = [];
  faults = {};

  #record(call, id, record) {
    this.calls.push(record === undefined ? { call, id } : { call, id, record: copy(record) });
    const code = this.faults[call];
    return code && Object.assign(new Error(code), { code, fromStore: true });
  }

  get(id, callback) {
    const fault = this.#record('get', id);
    if (fault) setImmediate(callback, fault);
    else super.get(id, callback);
  }

  set(id, session, callback) {
    const fault = this.#record('set', id, session);
    if (fault) setImmediate(callback, fault);
    else super.set(id, session, callback);
  }

  touch(id, session, callback) {
    const fault = this.#record('touch', id, { cookie: session.cookie });
    if (fault) return setImmediate(callback, fault);
    // Not MemoryStore's own touch: that one drops a record which expired while the handler ran. Most
    // stores (Redis, SQL) give whatever is still there its new lifetime, and so does this one.
    if (Object.hasOwn(this.sessions, id)) {
      this.put(id, { ...JSON.parse(this.sessions[id]), cookie: session.cookie });
    }
    setImmediate(callback);
  }

  destroy(id, callback) {
    const fault = this.#record('destroy', id);
    if (fault) setImmediate(callback, fault);
    else super.destroy(id, callback);
  }

  // "Somebody else" writes past the recording and the faults.
  put(id, record) {
    this.sessions[id] = JSON.stringify(record);
  }

  remove(id) {
    delete this.sessions[id];
  }

  contents() {
    const ids = Object.keys(this.sessions).sort();
    return Object.fromEntries(ids.map((id) => [id, JSON.parse(this.sessions[id])]));
  }
}

function copy(value) {
  return JSON.parse(JSON.stringify(value));
}

// ---------------------------------------------------------------- configuration

function cookieOptions(options) {
  const result = { ...options };
  // JSON has no dates. The key keeps its place: the later of `maxAge` and `expires` wins.
  if (typeof result.expires === 'number') result.expires = new Date(result.expires);
  return result;
}

function cookieOptionsByPath(table) {
  return (req) => {
    const prefixes = Object.keys(table).filter((key) => key !== 'default' && req.url.startsWith(key));
    const longest = prefixes.sort((a, b) => b.length - a.length)[0] ?? 'default';
    return cookieOptions(table[longest]);
  };
}

function buildMiddleware({ preset: _, storeTouch = true, genid = 'sid#', cookieByPath, ...options }, store) {
  if (!storeTouch) store.touch = undefined;
  let count = 0;
  const settings = { ...options, store, genid: () => genid.replaceAll('#', ++count) };
  if (options.cookie) settings.cookie = cookieOptions(options.cookie);
  if (cookieByPath) settings.cookie = cookieOptionsByPath(cookieByPath);
  return expressSession(settings);
}

// ---------------------------------------------------------------- the server

// The request under way: {request, result, middleware, store}.
let current;

// As much of a framework as the middleware needs: it runs, then the handler; errors go to one place.
function serve(req, res) {
  const { request, result, middleware, store } = current;
  req.socket.encrypted = request.encrypted === true;
  req.secure = request.secure === true;

  const onError = (error) => {
    result.errors.push(error.fromStore ? 'store' : `other: ${error.message}`);
    if (res.headersSent) return; // too late to tell the client
    res.statusCode = 500;
    res.end('error');
  };
  const next = (error) => {
    if (error) onError(error);
    else handle(req, res, request, result, store).catch(onError);
  };
  try {
    middleware(req, res, next);
  } catch (error) {
    onError(error);
  }
}

async function handle(req, res, request, result, store) {
  result.session = req.session ? req.session.id : null;
  for (const operation of request.handler ?? []) {
    result.ops.push(await perform(operation, req, res, store));
  }
  res.statusCode = request.status ?? 200;
  const body = request.body ?? 'ok';
  if (body === 'empty') res.end();
  else res.end(body);
}

async function perform(operation, req, res, store) {
  switch (operation.op) {
    case 'advance':
      now += operation.ms;
      return true;
    case 'header':
      res.appendHeader(operation.name, operation.value);
      return true;
    case 'other.set':
      store.put(operation.id, operation.record);
      return true;
    case 'other.destroy':
      store.remove(operation.id);
      return true;
    case 'unset':
      req.session = null;
      return true;
  }

  const session = req.session;
  if (!session) return { error: 'no session' };
  switch (operation.op) {
    case 'get':
      return session[operation.key] ?? null;
    case 'keys':
      return Object.keys(session).filter((key) => key !== 'cookie').sort();
    case 'id':
      return session.id;
    case 'set':
      session[operation.key] = operation.value;
      return true;
    case 'delete':
      delete session[operation.key];
      return true;
    case 'cookie':
      return describeCookie(session.cookie);
    case 'cookie.set':
      session.cookie[operation.field] =
        operation.field === 'expires' && typeof operation.value === 'number'
          ? new Date(operation.value)
          : operation.value;
      return true;
    case 'touch':
      session.touch();
      return true;
    case 'save':
    case 'reload':
    case 'regenerate':
    case 'destroy':
      return new Promise((resolve) => {
        session[operation.op]((error) => resolve(error ? { error: describeError(error) } : true));
      });
    default:
      throw new Error(`unknown operation: ${operation.op}`);
  }
}

function describeCookie({ maxAge, originalMaxAge, expires }) {
  return {
    maxAge: maxAge ?? null,
    originalMaxAge: originalMaxAge ?? null,
    expires: expires instanceof Date ? expires.valueOf() : (expires ?? null),
  };
}

function describeError(error) {
  if (error.fromStore) return 'store';
  if (error.message === 'failed to load session') return 'missing';
  return `other: ${error.message}`;
}

// ---------------------------------------------------------------- the client

/** What the client remembers of the session cookie: the value per response, and the last one. */
class CookieMemory {
  #prefix;
  byStep = [];
  last;

  constructor(name) {
    this.#prefix = `${name}=`;
  }

  take(setCookie) {
    const lines = setCookie.filter((line) => line.startsWith(this.#prefix));
    const value = lines.at(-1)?.slice(this.#prefix.length).split(';')[0];
    this.byStep.push(value);
    this.last = value ?? this.last;
  }

  /** The Cookie header for a request, or undefined for none. */
  header(cookie) {
    if (cookie === 'none') return undefined;
    if (cookie === 'jar') return this.last === undefined ? undefined : this.#prefix + this.last;
    if (cookie.raw !== undefined) return cookie.raw;

    const value = cookie.sign ? sign(cookie.sign) : this.byStep[cookie.step];
    if (value === undefined) return undefined;
    const pair = this.#prefix + tampered(value, cookie.tamper);
    return [cookie.before, pair, cookie.after].filter(Boolean).join('; ');
  }
}

// Written out here rather than taken from the module, so that a well-signed cookie is an independent fact.
function sign({ id, secret }) {
  const signature = createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '');
  return encodeURIComponent(`s:${id}.${signature}`);
}

function tampered(value, how) {
  switch (how) {
    case undefined:
      return value;
    case 'flip-last':
      return value.slice(0, -1) + (value.endsWith('A') ? 'B' : 'A');
    case 'truncate':
      return value.slice(0, -1);
    case 'strip-prefix':
      return value.replace(/^s%3A/, '');
    case 'strip-signature':
      return value.slice(0, value.lastIndexOf('.'));
    case 'decoded':
      return decodeURIComponent(value);
    case 'quoted':
      return `"${value}"`;
    case 'lower-hex':
      return value.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
    case 'append':
      return `${value}A`;
    case 'pad':
      return `${value}=`;
    default:
      throw new Error(`unknown tamper: ${how}`);
  }
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function send(port, request, cookie) {
  const headers = { ...request.headers };
  if (cookie !== undefined) headers.cookie = cookie;
  // Node writes and reads header fields as Latin-1, one character a byte. What Latin-1 does not have
  // goes out as UTF-8.
  for (const name of Object.keys(headers)) {
    headers[name] = headers[name].replace(/[^\0-\xFF]/gu, (character) => Buffer.from(character).toString('latin1'));
  }
  const target = { agent, host: '127.0.0.1', port, method: request.method ?? 'GET', path: request.url ?? '/', headers };
  return new Promise((resolve, reject) => {
    const outgoing = http.request(target, (response) => {
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, setCookie: response.headers['set-cookie'] ?? [] }));
      response.resume();
    });
    outgoing.setTimeout(RESPONSE_TIMEOUT_MS, () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

// ---------------------------------------------------------------- scenarios

// What this project has beyond express-session: to leave it out would record something else.
const OPTIONS_BEYOND = ['conflict', 'idleTimeout', 'absoluteTimeout', 'localhost'];
const OPERATIONS_BEYOND = ['renew', 'login', 'update', 'cookie.reset'];

function refuseWhatIsNotExpress({ options, requests }) {
  const refuse = (what) => {
    throw new Error(`express-session has no ${what}: such a scenario is not recorded, its trace is checked by hand`);
  };
  const { preset = 'express' } = options;
  if (preset !== 'express') refuse(`preset "${preset}"`);
  for (const option of OPTIONS_BEYOND) if (option in options) refuse(`option ${option}`);
  for (const { op } of requests.flatMap(({ handler = [] }) => handler)) {
    if (OPERATIONS_BEYOND.includes(op)) refuse(`operation ${op}`);
  }
}

async function record(port, scenario) {
  refuseWhatIsNotExpress(scenario);
  now = scenario.start;
  const store = new RecordingStore();
  for (const [id, preloaded] of Object.entries(scenario.preload ?? {})) store.put(id, preloaded);

  let middleware;
  try {
    middleware = buildMiddleware(scenario.options, store);
  } catch {
    return { name: scenario.name, rejected: true };
  }

  const cookies = new CookieMemory(scenario.options.name || 'connect.sid');
  const results = [];
  for (const request of scenario.requests) {
    const result = { status: 0, session: null, ops: [], setCookie: [], calls: [], errors: [] };
    now = scenario.start + (request.at ?? 0);
    store.calls = result.calls;
    store.faults = request.faults ?? {};
    current = { request, result, middleware, store };
    Object.assign(result, await send(port, request, cookies.header(request.cookie ?? 'jar')));
    // express-session reports errors by setImmediate: let those through before looking at the result.
    await new Promise(setImmediate);
    cookies.take(result.setCookie);
    results.push(result);
  }
  return { name: scenario.name, requests: results, store: store.contents() };
}

const server = http.createServer(serve);
server.keepAliveTimeout = 0; // the one connection stays open to the end
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address();

for await (const line of createInterface({ input: process.stdin })) {
  if (line === '') continue;
  const scenario = JSON.parse(line);
  try {
    process.stdout.write(`${JSON.stringify(await record(port, scenario))}\n`);
  } catch (error) {
    throw new Error(`scenario "${scenario.name}": ${error.message}`, { cause: error });
  }
}

agent.destroy();
server.close();
